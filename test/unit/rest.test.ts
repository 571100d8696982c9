import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { rest, restFromEnv, type RestOptions } from "../../src/adapters/rest/index.ts";
import { OptionError } from "../../src/core/errors.ts";

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
