import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { rest, restFromEnv, type RestOptions, restSubscriber } from "../../src/adapters/rest/index.ts";
import { OptionError, TimeoutError } from "../../src/core/errors.ts";

const url = "https://name.upstash.io";
const token = "SecretToken";

describe("rest", () => {
  afterEach(() => vi.restoreAllMocks());

  const refusal = (options: unknown) => {
    try {
      rest(options as RestOptions);
    } catch (error) {
      return error;
    }
    return undefined;
  };

  it.each([
    ["no url", undefined],
    ["an empty url", ""],
    ["a url without a scheme", "name.upstash.io"],
    ["the TCP url", "rediss://default:SecretToken@name.upstash.io:6379"],
    ["a url with credentials", "https://default:SecretToken@name.upstash.io"],
    ["a url with a query", "https://name.upstash.io?_token=SecretToken"],
    ["a url with a fragment", "https://name.upstash.io/#SecretToken"],
    ["a url with a space", "https://name.upstash.io /SecretToken"],
    ["a url in quotes", '"https://name.upstash.io"'],
    ["a number", 7],
  ])("refuses %s and says what it wants instead", (_, wrong) => {
    const error = refusal({ url: wrong, token });
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ message: expect.stringMatching(/`url` must be the REST URL.*redis:\/\//) });
    expect(inspect(error)).not.toContain(token);
  });

  it.each([null, undefined, 5, url])("refuses %j in place of its options", (options) => {
    expect(refusal(options)).toMatchObject({ name: "OptionError", message: expect.stringMatching(/`url`/) });
  });

  it.each([
    ["no token", undefined],
    ["an empty token", ""],
    ["a token with a line break", "Secret\nToken"],
    ["a token with a space", " SecretToken"],
    ["a token that no header can carry", "Secret\u{1f511}"],
  ])("refuses %s", (_, wrong) => {
    const error = refusal({ url, token: wrong });
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ message: expect.stringContaining("`token`") });
    expect(inspect(error)).not.toContain("Secret\nToken");
  });

  it.each([0, -1, Number.NaN, Infinity])("refuses a deadline of %s", (timeout) => {
    expect(refusal({ url, token, timeout })).toMatchObject({ message: expect.stringContaining("`timeout`") });
  });

  it("does nothing when it is made: no request, timer, random value, clock", () => {
    const calls = [
      vi.spyOn(globalThis, "fetch"),
      vi.spyOn(globalThis, "setTimeout"),
      vi.spyOn(globalThis, "queueMicrotask"),
      vi.spyOn(Math, "random"),
      vi.spyOn(Date, "now"),
      vi.spyOn(performance, "now"),
      vi.spyOn(crypto, "getRandomValues"),
    ];
    rest({ url, token });
    restSubscriber({ url, token });
    expect(calls.map((call) => call.mock.calls.length)).toEqual(calls.map(() => 0));
  });

  it("finds the global fetch when it sends, so that one put there later is used", async () => {
    const redis = rest({ url, token });
    const fetch = vi.spyOn(globalThis, "fetch").mockResolvedValue(Response.json({ result: "OK" }));
    expect(await redis.send(["SET", "a", 1])).toBe("OK");
    expect(fetch).toHaveBeenCalledOnce();
  });

  it("sends nothing for nothing", async () => {
    const fetch = vi.fn<typeof globalThis.fetch>();
    const redis = rest({ url, token, fetch });
    expect(await redis.pipeline([])).toEqual([]);
    expect(await redis.transaction?.([])).toEqual([]);
    expect(fetch).not.toHaveBeenCalled();
  });

  it("takes a fetch that throws for a connection that failed", async () => {
    const redis = rest({
      url,
      token,
      fetch: () => {
        throw new TypeError("no network here");
      },
    });
    await expect(redis.send(["GET", "a"])).rejects.toMatchObject({ code: "CONNECTION", sent: "unknown" });
  });
});

describe("the deadlines of one tick", () => {
  const silent = () => new Promise<never>(() => {});
  const ok = (commands: number) => Response.json(Array.from({ length: commands }, () => ({ result: "OK" })));
  const failure = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
  const gets = (count: number) => Array.from({ length: count }, (_, i) => ["GET", `k${i}`] as const);
  afterEach(() => vi.restoreAllMocks());

  it("need one timer for each length, and it is ended with the last answer", async () => {
    const started = vi.spyOn(globalThis, "setTimeout");
    const ended = vi.spyOn(globalThis, "clearTimeout");
    const fetch = vi.fn<typeof globalThis.fetch>(async () => ok(150));
    const redis = rest({ url, token, fetch });
    const calls = gets(100).map((command) => redis.send(command));
    const shorter = gets(50).map((command) => redis.send(command, { timeout: 500 }));
    await Promise.all([...calls, ...shorter]);
    expect(started.mock.calls.map(([, delay]) => delay)).toEqual([2_000, 500]);
    expect(ended).toHaveBeenCalledTimes(2);
    expect(fetch).toHaveBeenCalledOnce();
  });

  it("are not shared with the next tick, which may belong to another request of a Worker", async () => {
    const started = vi.spyOn(globalThis, "setTimeout");
    const redis = rest({ url, token, fetch: silent, timeout: 20 });
    const first = failure(redis.send(["GET", "a"]));
    await new Promise((resolve) => setImmediate(resolve));
    const second = failure(redis.send(["GET", "b"]));
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).toHaveBeenCalledTimes(2);
    expect(await Promise.all([first, second])).toEqual([expect.any(TimeoutError), expect.any(TimeoutError)]);
  });

  it("end each call by its own length, whoever was first", async () => {
    const redis = rest({ url, token, fetch: silent, timeout: 60 });
    const ended: number[] = [];
    const waiting = [60, 20, 40, 20, 60].map(async (timeout) => {
      expect(await failure(redis.send(["GET", "a"], { timeout }))).toMatchObject({ code: "TIMEOUT", timeout });
      ended.push(timeout);
    });
    await Promise.all(waiting);
    expect(ended).toEqual([20, 20, 40, 60, 60]);
  });

  it("hold for the others when the call that was first is answered, or leaves", async () => {
    const fetch = vi.fn<typeof globalThis.fetch>(silent);
    const redis = rest({ url, token, fetch, timeout: 30 });
    const controller = new AbortController();
    const leaving = failure(redis.send(["GET", "a"], { signal: controller.signal }));
    controller.abort("enough");
    const staying = failure(redis.send(["GET", "b"]));
    expect(await leaving).toBe("enough");
    expect(await staying).toBeInstanceOf(TimeoutError);

    fetch.mockImplementationOnce(async (url, init) => ok((await new Request(url, init).json()).length));
    const many = await Promise.allSettled(gets(1_001).map((command) => redis.send(command)));
    expect(many.at(0)).toMatchObject({ value: "OK" });
    expect(many.at(-1)).toMatchObject({ reason: { code: "TIMEOUT", timeout: 30 } });
  });
});

describe("restFromEnv", () => {
  const asked = async (env: Parameters<typeof restFromEnv>[0]) => {
    const fetch = vi.fn<typeof globalThis.fetch>(async () => Response.json({ result: "OK" }));
    await restFromEnv(env, { fetch }).send(["PING"]);
    const [address, init] = fetch.mock.calls[0] ?? [];
    return [address, new Headers(init?.headers).get("authorization")];
  };
  const upstashPair = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: "u" };
  const vercelPair = { KV_REST_API_URL: "https://kv.example", KV_REST_API_TOKEN: "k" };

  it("takes the variables of Upstash, else those of Vercel, and never half of each", async () => {
    expect(await asked({ ...vercelPair, ...upstashPair })).toEqual([`${url}/`, "Bearer u"]);
    expect(await asked(vercelPair)).toEqual(["https://kv.example/", "Bearer k"]);
    expect(await asked({ UPSTASH_REDIS_REST_URL: url, ...vercelPair })).toEqual(["https://kv.example/", "Bearer k"]);
  });

  it("takes Node's environment as it is", async () => {
    const env: NodeJS.ProcessEnv = { ...process.env, ...upstashPair };
    expect(await asked(env)).toEqual([`${url}/`, "Bearer u"]);
  });

  it.each([
    ["nothing", {}],
    ["no token", { UPSTASH_REDIS_REST_URL: url }],
    ["an empty token", { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: "" }],
    ["halves of both pairs", { UPSTASH_REDIS_REST_URL: url, KV_REST_API_TOKEN: token }],
  ])("names the variables when there is %s", (_, env) => {
    expect(() => restFromEnv(env)).toThrow(OptionError);
    expect(() => restFromEnv(env)).toThrow(
      /UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN.*KV_REST_API_URL and KV_REST_API_TOKEN/,
    );
  });

  it("names the variables when there is no environment at all", () => {
    expect(() => restFromEnv(undefined as never)).toThrow(OptionError);
  });
});
