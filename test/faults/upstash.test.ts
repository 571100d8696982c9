import { inspect } from "node:util";
import { Redis as UpstashRedis, type Requester } from "@upstash/redis";
import { Redis as CloudflareRedis } from "@upstash/redis/cloudflare";
import { Redis as FastlyRedis } from "@upstash/redis/fastly";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { upstash } from "../../src/adapters/upstash/index.ts";
import { ConnectionError, OptionError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import type { Redis, SendOptions } from "../../src/core/port/redis.ts";
import {
  base64,
  cut,
  cutHalfway,
  echo,
  type ScriptedServer,
  silence,
  startScriptedServer,
  status,
} from "../support/scripted-server.ts";

const token = "SecretToken";

describe("upstash", () => {
  let server: ScriptedServer;
  let client: UpstashRedis;

  const failureOf = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  beforeAll(async () => {
    server = await startScriptedServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    server.seen.length = 0;
    server.answer(echo);
    client = new UpstashRedis({ url: server.url, token });
  });

  describe("over a client with its default options", () => {
    it.each([
      ["1", "1"],
      ["true", "true"],
      ["null", "null"],
      ['{"a":9007199254740993}', '{"a":9007199254740993}'],
      ['"quoted"', '"quoted"'],
      ["9007199254740993", "9007199254740993"],
      [
        ["1", "null", ["2"]],
        ["1", "null", ["2"]],
      ],
    ])("brings back the text %j as it is, not deserialised", async (stored, reply) => {
      const encoded = (value: unknown): unknown => (Array.isArray(value) ? value.map(encoded) : base64(String(value)));
      server.answer(status(200, JSON.stringify({ result: encoded(stored) })));
      expect(await upstash(client).send(["GET", "k"])).toEqual(reply);
      server.answer(status(200, JSON.stringify([{ result: encoded(stored) }, { result: null }])));
      expect(await upstash(client).pipeline([["GET", "k"], ["PING"]])).toEqual([reply, null]);
    });

    it("brings back nil, integers and lists", async () => {
      server.answer(status(200, JSON.stringify([{ result: null }, { result: -7 }, { result: [null, 1, []] }])));
      expect(await upstash(client).pipeline([["A"], ["B"], ["C"]])).toEqual([null, -7, [null, 1, []]]);
    });

    it("loses a byte order mark at the beginning of a string, unless the client takes replies unencoded", async () => {
      server.answer(status(200, JSON.stringify({ result: base64("\ufeffx\ufeff") })));
      expect(await upstash(client).send(["GET", "k"])).toBe("x\ufeff");
      server.answer(status(200, JSON.stringify({ result: "\ufeffx\ufeff" })));
      const unencoded = new UpstashRedis({ url: server.url, token, responseEncoding: false });
      expect(await upstash(unencoded).send(["GET", "k"])).toBe("\ufeffx\ufeff");
    });

    it("sends everything of one tick as one request, in the order of the calls", async () => {
      const redis = upstash(client);
      const replies = await Promise.all([
        redis.send(["SET", "a", 1]),
        redis.send(["GET", "a"]),
        redis.pipeline([["INCR", "b"], ["PING"]]),
        Promise.resolve().then(() => redis.send(["GET", "later"])),
      ]);
      expect(replies).toEqual(["SET a 1", "GET a", ["INCR b", "PING"], "GET later"]);
      expect(server.seen.map(({ path, body }) => [path, body])).toEqual([
        ["/pipeline", [["SET", "a", "1"], ["GET", "a"], ["INCR", "b"], ["PING"], ["GET", "later"]]],
      ]);
    });

    it("sends a lone command, a transaction, and each call with `batch: false`, as a request of its own", async () => {
      const redis = upstash(client);
      expect(await redis.pipeline([["GET", "a"]])).toEqual(["GET a"]);
      expect(await Promise.all([redis.transaction?.([["GET", "b"]]), redis.send(["GET", "c"])])).toEqual([
        ["GET b"],
        "GET c",
      ]);
      const single = upstash(client, { batch: false });
      await Promise.all([single.send(["GET", "d"]), single.send(["GET", "e"])]);
      expect(server.seen.map(({ path }) => path).sort()).toEqual(["/", "/", "/", "/", "/multi-exec"]);
    });

    it("sends at most 1,000 commands as one request, and the rest once those are answered", async () => {
      const redis = upstash(client);
      const keys = Array.from({ length: 2_500 }, (_, i) => String(i));
      const replies = await Promise.all(keys.map((key) => redis.send(["GET", key])));
      expect(replies).toEqual(keys.map((key) => `GET ${key}`));
      expect(server.seen.flatMap(({ body }) => body)).toEqual(keys.map((key) => ["GET", key]));
      expect(Math.max(...server.seen.map(({ body }) => (body as unknown[]).length))).toBeLessThanOrEqual(1_000);
    });
  });

  describe("the automatic pipelining of the client", () => {
    it("hands results to the wrong callers after a `set` with a BigInt", async () => {
      await failureOf(client.set("x", 10n));
      const [one] = await Promise.allSettled([client.incr("c1"), client.incrby("c2", 100)]);
      // The defect itself, so that this file notices when it is gone.
      expect(one).toMatchObject({ status: "fulfilled", value: "incrby c2 100" });
    });

    it("does not do so through the adapter, whether the client or the adapter was given the BigInt", async () => {
      const redis = upstash(client);
      const bad = [failureOf(client.set("x", 10n)), failureOf(redis.send(["SET", "x", 10n as unknown as number]))];
      const good = await Promise.all([
        redis.send(["INCR", "c1"]),
        redis.send(["INCRBY", "c2", 100]),
        redis.pipeline([["GET", "c3"]]),
      ]);
      expect(good).toEqual(["INCR c1", "INCRBY c2 100", ["GET c3"]]);
      expect(await Promise.all(bad)).toEqual([expect.any(TypeError), expect.any(OptionError)]);
    });
  });

  describe("an abort", () => {
    const reason = new Error("enough");

    it("rejects with the reason, and ends the request", async () => {
      server.answer(silence);
      const before = server.abandoned;
      const controller = new AbortController();
      const leaving = failureOf(upstash(client).send(["GET", "a"], { signal: controller.signal }));
      await expect.poll(() => server.seen.length, { timeout: 10_000 }).toBe(1);
      controller.abort(reason);
      expect(await leaving).toBe(reason);
      await expect.poll(() => server.abandoned, { timeout: 10_000 }).toBe(before + 1);
    });

    it("before the call sends nothing", async () => {
      const signal = AbortSignal.abort(reason);
      expect(await failureOf(upstash(client).send(["GET", "a"], { signal }))).toBe(reason);
      expect(await failureOf(upstash(client).pipeline([["GET", "a"]], { signal }))).toBe(reason);
      expect(server.seen).toEqual([]);
    });

    it("leaves the client's sync token alone, so that it goes on reading its own writes", async () => {
      server.answer(status(200, '{"result":"OK"}', { "upstash-sync-token": "t1" }), silence);
      const redis = upstash(client, { timeout: 1_000 });
      await redis.send(["SET", "a", 1]);
      expect(await failureOf(redis.send(["GET", "a"]))).toBeInstanceOf(TimeoutError);
      expect(client.readYourWritesSyncToken).toBe("t1");
    });

    it("of a signal given to the client makes the client invent an answer, so such a client is refused", async () => {
      const controller = new AbortController();
      const config = { url: server.url, token, signal: controller.signal };
      controller.abort();
      // The defect itself: Redis was not asked, and nobody is told.
      expect(await new UpstashRedis({ ...config, enableAutoPipelining: false }).get("a")).toBeNull();
      expect(server.seen).toEqual([]);
      expect(() => upstash(new UpstashRedis(config))).toThrow(/signal: \(\) =>/);
      expect(() => upstash(new CloudflareRedis(config))).toThrow(OptionError);
    });

    it("of a signal that a function gives to the client still counts", async () => {
      server.answer(silence);
      const withSignal = new UpstashRedis({ url: server.url, token, signal: () => AbortSignal.timeout(30) });
      const start = performance.now();
      expect(await failureOf(upstash(withSignal).send(["GET", "a"]))).toBeInstanceOf(ConnectionError);
      // Long before the default deadline of two seconds.
      expect(performance.now() - start).toBeLessThan(1_800);
    });
  });

  describe("one call of a batch", () => {
    const pair = (redis: Redis, options?: SendOptions) =>
      [redis.send(["GET", "a"], options), redis.send(["GET", "b"])] as const;

    it("that is aborted leaves the others their answers", async () => {
      const controller = new AbortController();
      server.answer((response, seen, request) => {
        controller.abort("enough");
        setTimeout(() => echo(response, seen, request), 30);
      });
      const [leaving, staying] = pair(upstash(client), { signal: controller.signal });
      expect(await failureOf(leaving)).toBe("enough");
      expect(await staying).toBe("GET b");
    });

    it("with a shorter deadline has it alone", async () => {
      server.answer((response, seen, request) => void setTimeout(() => echo(response, seen, request), 150));
      const [short, long] = pair(upstash(client), { timeout: 30 });
      expect(await failureOf(short)).toMatchObject({ code: "TIMEOUT", timeout: 30 });
      expect(await long).toBe("GET b");
    });

    it("that cannot be built hurts nobody else", async () => {
      const redis = upstash(client);
      const bad = failureOf(redis.send(["SET", "x", 10n as unknown as number]));
      expect(await Promise.all([redis.send(["INCR", "c1"]), redis.send(["INCR", "c2"])])).toEqual([
        "INCR c1",
        "INCR c2",
      ]);
      expect(await bad).toMatchObject({ code: "OPTION" });
    });

    it("is refused with all others where the request is refused", async () => {
      server.answer(status(401, '{"error":"Unauthorized"}'));
      const redis = upstash(client);
      const all = await Promise.all([failureOf(redis.send(["GET", "a"])), redis.pipeline([["GET", "b"]])]);
      const wrong = expect.objectContaining({ code: "WRONGPASS" });
      expect(all).toEqual([wrong, [wrong]]);
    });
  });

  it("has the deadline that the client lacks", async () => {
    server.answer(silence);
    const error = await failureOf(upstash(client, { timeout: 50 }).send(["GET", "a"]));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ timeout: 50, sent: "unknown" });
  });

  it("cannot keep the client from running a command once for every lost reply; see the tokens of the patterns", async () => {
    server.answer(cut, cut, echo);
    expect(await upstash(client).send(["INCR", "a"])).toBe("INCR a");
    expect(server.seen).toHaveLength(3);
  });

  it("stops the client's retries when the caller leaves", async () => {
    server.answer(cut);
    const retrying = new UpstashRedis({ url: server.url, token, retry: { retries: 50, backoff: () => 20 } });
    expect(await failureOf(upstash(retrying, { timeout: 500 }).send(["GET", "a"]))).toBeInstanceOf(TimeoutError);
    const wait = () => new Promise((resolve) => setTimeout(resolve, 100));
    // One try may have been on its way.
    await wait();
    const tries = server.seen.length;
    expect(tries).toBeGreaterThan(1);
    await wait();
    expect(server.seen).toHaveLength(tries);
  });

  describe("a bad answer", () => {
    const html = "<html>SecretPage</html>";

    it.each([
      ["a refusal", status(400, '{"error":"WRONGTYPE no"}'), ReplyError, "WRONGTYPE"],
      ["a refusal with status 200", status(200, '{"error":"WRONGTYPE no"}'), ReplyError, "WRONGTYPE"],
      ["a wrong token", status(401, '{"error":"WRONGPASS invalid or missing auth token"}'), ReplyError, "WRONGPASS"],
      ["a wrong token of an older service", status(401, '{"error":"Unauthorized"}'), ReplyError, "WRONGPASS"],
      ["a gateway without Redis", status(503, '{"error":"ERR Redis is unavailable"}'), ConnectionError, "CONNECTION"],
      ["a failure that is no refusal", status(500, '{"error":"SRH: oh dear"}'), ConnectionError, "CONNECTION"],
      ["an HTML page", status(502, html), ConnectionError, "CONNECTION"],
      ["an HTML page with status 200", status(200, html), ConnectionError, "CONNECTION"],
      ["an empty body", status(200, ""), ConnectionError, "CONNECTION"],
      ["no result", status(200, "{}"), ConnectionError, "CONNECTION"],
      ["JSON null", status(200, "null"), ConnectionError, "CONNECTION"],
      ["half an answer", cutHalfway, ConnectionError, "CONNECTION"],
    ])("%s becomes an error of the port", async (_, answer, type, code) => {
      server.answer(answer);
      const error = await failureOf(upstash(client).send(["SET", "SecretKey", "SecretValue"]));
      expect(error).toBeInstanceOf(type);
      expect(error).toMatchObject({ code });
      expect(inspect(error, { depth: 10 })).not.toContain("Secret");
    });

    it("to one command of a pipeline is a value", async () => {
      server.answer(status(200, '[{"result":1},{"error":"WRONGTYPE no"}]'));
      const replies = await upstash(client).pipeline([
        ["INCR", "a"],
        ["INCR", "b"],
      ]);
      expect(replies).toEqual([1, expect.objectContaining({ code: "WRONGTYPE" })]);
    });

    it("to a pipeline as a whole is the value of each command, and makes a transaction fail", async () => {
      for (const code of [200, 400]) {
        server.answer(status(code, '{"error":"EXECABORT no"}'));
        const redis = upstash(client);
        const aborted = expect.objectContaining({ code: "EXECABORT" });
        expect(
          await redis.pipeline([
            ["INCR", "a"],
            ["INCR", "b"],
          ]),
        ).toEqual([aborted, aborted]);
        await expect(redis.transaction?.([["INCR", "a"]])).rejects.toMatchObject({ code: "EXECABORT" });
      }
    });

    it("with too few replies is refused", async () => {
      server.answer(status(200, '[{"result":1}]'));
      await expect(upstash(client).pipeline([["A"], ["B"]])).rejects.toThrow("Upstash-compatible");
    });
  });

  describe("the client", () => {
    it("may come from any of the package's entries, and may have middleware", async () => {
      const clients = [
        new CloudflareRedis({ url: server.url, token }),
        new FastlyRedis({ url: server.url, token, backend: "redis" }),
        new UpstashRedis({ url: server.url, token, enableAutoPipelining: false, automaticDeserialization: false }),
      ];
      const watched = new UpstashRedis({ url: server.url, token });
      const paths: (string[] | undefined)[] = [];
      watched.use(async (request, next) => {
        paths.push(request.path);
        return next(request);
      });
      for (const each of [...clients, watched]) {
        expect(await upstash(each).send(["GET", "a"])).toBe("GET a");
        expect(await upstash(each).transaction?.([["GET", "a"]])).toEqual(["GET a"]);
      }
      expect(paths).toEqual([[], ["multi-exec"]]);
    });

    it("may have a requester of its own, which gets a plain signal", async () => {
      const requester: Requester = {
        request: async ({ signal }: { readonly signal?: AbortSignal }) => ({
          result: (signal instanceof AbortSignal ? "signal" : "none") as never,
        }),
      };
      expect(await upstash(new UpstashRedis(requester)).send(["GET", "a"])).toBe("signal");
    });

    it("must be one, with a URL and a token", () => {
      const warn = vi.spyOn(console, "warn").mockReturnValue();
      for (const wrong of [null, undefined, {}, "https://x", { exec: () => {} }, { client: {} }]) {
        expect(() => upstash(wrong as never)).toThrow(OptionError);
      }
      expect(() => upstash(new UpstashRedis({ url: undefined, token }))).toThrow(/`url`/);
      expect(() => upstash(new UpstashRedis({ url: server.url, token: undefined }))).toThrow(/`token`/);
      const broken = failing(() => upstash(new UpstashRedis({ url: server.url, token: "Secret\nToken" })));
      expect(broken).toBeInstanceOf(OptionError);
      expect(inspect(broken)).not.toContain("Secret\nToken");
      expect(() => upstash(client, { timeout: 0 })).toThrow(/`timeout`/);
      warn.mockRestore();
    });
  });
});

function failing(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
