import { inspect } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { rest, type RestOptions } from "../../src/adapters/rest/index.ts";
import { ConnectionError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { freePort } from "../support/redis-server.ts";
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
const times = <T>(length: number, item: T) => Array.from({ length }, () => item);
const html = "<html><body>Bad gateway</body></html>";

describe("rest", () => {
  let server: ScriptedServer;
  let redis: Redis;

  const connect = (options: Partial<RestOptions> = {}) => rest({ url: server.url, token, ...options });
  const failureOf = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );
  const bodies = () => server.seen.map(({ body }) => body);

  beforeAll(async () => {
    server = await startScriptedServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    server.seen.length = 0;
    server.answer(echo);
    redis = connect();
  });

  describe("what leaves as one request", () => {
    it("is everything sent in one tick, reads, writes and pipelines, in order", async () => {
      const replies = await Promise.all([
        redis.send(["SET", "a", 1]),
        redis.send(["GET", "a"]),
        redis.pipeline([["INCR", "b"], ["PING"]]),
        Promise.resolve().then(() => redis.send(["GET", "later"])),
      ]);
      expect(replies).toEqual(["SET a 1", "GET a", ["INCR b", "PING"], "GET later"]);
      expect(server.seen.map(({ path }) => path)).toEqual(["/pipeline"]);
      expect(bodies()).toEqual([[["SET", "a", "1"], ["GET", "a"], ["INCR", "b"], ["PING"], ["GET", "later"]]]);
    });

    it("is a plain command if it is alone", async () => {
      expect(await redis.send(["GET", "a"])).toBe("GET a");
      expect(await redis.pipeline([["GET", "b"]])).toEqual(["GET b"]);
      expect(server.seen.map(({ path, body }) => [path, body])).toEqual([
        ["/", ["GET", "a"]],
        ["/", ["GET", "b"]],
      ]);
    });

    it("is each command by itself with `batch: false`", async () => {
      const single = connect({ batch: false });
      expect(await Promise.all([single.send(["GET", "a"]), single.send(["GET", "b"])])).toEqual(["GET a", "GET b"]);
      expect(server.seen.map(({ path }) => path)).toEqual(["/", "/"]);
    });

    it("is at most 1,000 commands; the rest follows once those are answered", async () => {
      let answering = 0;
      let most = 0;
      server.answer((response, seen, request) => {
        answering += 1;
        most = Math.max(most, answering);
        setTimeout(() => {
          answering -= 1;
          echo(response, seen, request);
        }, 20);
      });
      const keys = Array.from({ length: 2_500 }, (_, i) => String(i));
      const replies = await Promise.all(keys.map((key) => redis.send(["GET", key])));
      expect(replies).toEqual(keys.map((key) => `GET ${key}`));
      const sizes = bodies().map((body) => (body as unknown[]).length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
      expect(bodies().flat()).toEqual(keys.map((key) => ["GET", key]));
      expect(most).toBe(1);
    });

    it.each([
      ["text of three bytes a character", "\u4e2d".repeat(700_000)],
      ["text that JSON writes in six bytes a character", "\u0001".repeat(700_000)],
    ])("is at most what the service accepts, 10 MB: %s", async (_, large) => {
      server.answer((response, { body }) => {
        response.end(JSON.stringify((body as unknown[]).map(() => ({ result: "OK" }))));
      });
      await Promise.all(Array.from({ length: 10 }, () => redis.pipeline([["SET", "k", large], ["PING"]])));
      for (const { headers } of server.seen) expect(Number(headers["content-length"])).toBeLessThan(10_000_000);
      expect(bodies().flat()).toHaveLength(20);
    });

    it("is a pipeline as a whole, however long it is", async () => {
      const size = 150_000;
      server.answer((response) => response.end(`[${times(size, '{"result":1}').join()}]`));
      const replies = await connect({ timeout: 60_000 }).pipeline(times(size, ["INCR", "a"] as const));
      expect(replies).toEqual(times(size, 1));
      expect(bodies()).toMatchObject([{ length: size }]);
    });

    it("is a transaction of its own", async () => {
      const both = await Promise.all([redis.transaction?.([["GET", "a"]]), redis.send(["GET", "b"])]);
      expect(both).toEqual([["GET a"], "GET b"]);
      expect(server.seen.map(({ path }) => path).sort()).toEqual(["/", "/multi-exec"]);
    });
  });

  describe("the wire", () => {
    it("carries the token, the encoding and the latest sync token", async () => {
      server.answer(
        status(200, '{"result":"OK"}', { "upstash-sync-token": "t1" }),
        status(400, '{"error":"ERR no"}', { "upstash-sync-token": "t2" }),
        echo,
      );
      await redis.send(["SET", "a", 1]);
      await failureOf(redis.send(["NOPE"]));
      await redis.send(["PING"]);
      expect(server.seen.map(({ headers }) => headers["upstash-sync-token"])).toEqual(["", "t1", "t2"]);
      expect(server.seen[0]?.headers).toMatchObject({
        authorization: `Bearer ${token}`,
        "upstash-encoding": "base64",
        "content-type": "application/json",
      });
    });

    it.each([
      ["text", base64("ü\u{1f600}"), "ü\u{1f600}"],
      ["text that begins with a byte order mark", base64("\ufeffx"), "\ufeffx"],
      ["bytes that are no UTF-8", Buffer.from([0xff, 0x41]).toString("base64"), "\ufffdA"],
      ["an empty string", "", ""],
      ["text that looks like a number", base64("123"), "123"],
      ["a bare OK", "OK", "OK"],
      ["an encoded OK", base64("OK"), "OK"],
      ["nil", null, null],
      ["an integer", -7, -7],
      ["an integer beyond 2^53", base64("9007199254740993"), "9007199254740993"],
      ["a nested list", [base64("OK"), [null, 1, [base64("x")]]], ["OK", [null, 1, ["x"]]]],
    ])("brings back %s", async (_, result, reply) => {
      server.answer(status(200, JSON.stringify({ result })));
      expect(await redis.send(["GET", "k"])).toEqual(reply);
    });

    it.each([
      ['{"result":9007199254740993}', "9007199254740993"],
      ['{"result":-9223372036854775808}', "-9223372036854775808"],
      ['{"result":9007199254740991}', 9_007_199_254_740_991],
      ['{"result":[1,[9007199254740993],"eA==",9007199254740995]}', [1, ["9007199254740993"], "x", "9007199254740995"]],
    ])("keeps every digit of %s", async (body, reply) => {
      server.answer(status(200, body));
      expect(await redis.send(["GET", "k"])).toEqual(reply);
    });

    it("changes no error that holds such digits", async () => {
      const error = 'MINE "a":[1234567890123456789],';
      server.answer(status(200, JSON.stringify([{ error }, { result: 1 }])));
      const [refusal] = await redis.pipeline([
        ["GET", "k"],
        ["GET", "l"],
      ]);
      expect(refusal).toMatchObject({ message: error });
    });

    it("carries numbers as their digits and refuses what is neither string nor number", async () => {
      expect(await redis.send(["SET", "k", 1e21])).toBe("SET k 1000000000000000000000");
      expect(await redis.send(["SET", "k", 1.5])).toBe("SET k 1.5");
      server.seen.length = 0;
      for (const value of [undefined, null, {}, 10n, true, Symbol("s")] as unknown as string[]) {
        expect(await failureOf(redis.send(["SET", "k", value]))).toMatchObject({ code: "OPTION" });
      }
      expect(server.seen).toEqual([]);
    });

    it("is not hurt by a caller whose command cannot be built", async () => {
      const bad = redis.send(["SET", "x", 10n as unknown as number]);
      const good = Promise.all([redis.send(["INCR", "c1"]), redis.send(["INCRBY", "c2", 100])]);
      expect(await failureOf(bad)).toMatchObject({ code: "OPTION" });
      expect(await good).toEqual(["INCR c1", "INCRBY c2 100"]);
    });
  });

  describe("a bad answer", () => {
    it.each([
      ["an HTML page with status 500", status(500, html), "HTTP 500", "unknown"],
      ["status 502 as JSON", status(502, '{"error":"ERR down"}'), "HTTP 502", "unknown"],
      ["status 503 without a body", status(503, ""), "HTTP 503", "unknown"],
      ["status 429", status(429, '{"error":"slow down"}'), "HTTP 429", false],
      ["an HTML page with status 404", status(404, html), "Upstash-compatible", false],
      ["status 413 without a body", status(413, ""), "HTTP 413", false],
      ["an empty body", status(200, ""), "Upstash-compatible", "unknown"],
      ["an HTML page", status(200, html), "Upstash-compatible", "unknown"],
      ["JSON of another kind", status(200, '"Welcome"'), "Upstash-compatible", "unknown"],
      ["JSON null", status(200, "null"), "Upstash-compatible", "unknown"],
      ["no result", status(200, "{}"), "Upstash-compatible", "unknown"],
      ["too many results", status(200, '[{"result":1},{"result":2}]'), "Upstash-compatible", "unknown"],
      ["text that is not base64", status(200, '{"result":"hello world!"}'), "Upstash-compatible", "unknown"],
      ["a redirect", status(302, "", { location: "http://127.0.0.1:9/" }), "HTTP 302", false],
    ])("%s is a ConnectionError with the status", async (_, answer, message, sent) => {
      server.answer(answer);
      const error = await failureOf(redis.send(["SET", "key", "SecretValue"]));
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({ sent, message: expect.stringContaining(message) });
      expect(server.seen).toHaveLength(1);
    });

    it.each([
      ["401 of the service", status(401, '{"error":"WRONGPASS invalid or missing auth token"}')],
      ["401 of an older one", status(401, '{"error":"Unauthorized"}')],
      ["401 of a proxy", status(401, html)],
    ])("%s says that the token is wrong, to every caller", async (_, answer) => {
      server.answer(answer);
      const [send, pipeline] = await Promise.all([
        failureOf(redis.send(["GET", "a"])),
        redis.pipeline([
          ["GET", "a"],
          ["GET", "b"],
        ]),
      ]);
      expect(send).toBeInstanceOf(ReplyError);
      expect([send, ...pipeline]).toMatchObject(times(3, { code: "WRONGPASS" }));
      expect(await failureOf(redis.transaction?.([["PING"]]) ?? sleep(0))).toMatchObject({ code: "WRONGPASS" });
    });

    it.each([
      ["with status 400", status(400, '{"error":"ERR max request size exceeded"}')],
      ["with status 413", status(413, '{"error":"ERR max request size exceeded"}')],
      ["with status 200", status(200, '{"error":"ERR max request size exceeded"}')],
    ])("a refusal of the whole request %s reaches every caller", async (_, answer) => {
      server.answer(answer);
      const all = await Promise.all([
        failureOf(redis.send(["GET", "a"])),
        failureOf(redis.send(["GET", "b"])),
        redis.pipeline([
          ["GET", "c"],
          ["GET", "d"],
        ]),
      ]);
      expect(all.flat()).toMatchObject(times(4, { code: "ERR", message: "ERR max request size exceeded" }));
      expect(all.flat()).toEqual(times(4, expect.any(ReplyError)));
    });

    it("to one command of a batch is that caller's alone", async () => {
      server.answer(status(200, '[{"result":1},{"error":"WRONGTYPE no"},{"result":3}]'));
      const [one, two, three] = await Promise.all([
        redis.send(["INCR", "a"]),
        failureOf(redis.send(["INCR", "b"])),
        redis.send(["INCR", "c"]),
      ]);
      expect([one, two, three]).toEqual([1, expect.objectContaining({ code: "WRONGTYPE" }), 3]);
    });

    it("never follows a redirect, which would take the token to another host", async () => {
      const other = await startScriptedServer();
      try {
        for (const code of [301, 302, 303, 307, 308]) {
          server.answer(status(code, "", { location: other.url }));
          expect(await failureOf(redis.send(["GET", "a"], { idempotent: true }))).toBeInstanceOf(ConnectionError);
        }
        expect(other.seen).toEqual([]);
      } finally {
        await other.stop();
      }
    });

    it("puts neither the token nor an argument into an error, causes included", async () => {
      const refusals = [
        "ERR unknown command 'NOPE', with args beginning with: 'SecretValue' ",
        'ERR syntax error, command was: ["SET","SecretValue"]',
      ].map((error) => status(400, JSON.stringify({ error })));
      for (const answer of [...refusals, status(500, html), status(401, "{}"), status(200, "SecretValue"), cut]) {
        server.answer(answer);
        const error = await failureOf(redis.send(["SET", "SecretValue", "SecretValue"]));
        expect(inspect(error, { depth: 10 })).not.toContain("Secret");
      }
    });
  });

  describe("a lost reply", () => {
    it.each([
      ["before the answer", cut],
      ["in the middle of it", cutHalfway],
    ])("%s is not sent again by itself", async (_, fault) => {
      server.answer(fault, echo);
      const error = await failureOf(redis.send(["INCR", "a"]));
      expect(error).toBeInstanceOf(ConnectionError);
      expect(error).toMatchObject({ sent: "unknown" });
      await sleep(300);
      expect(server.seen).toHaveLength(1);
    });

    it.each([
      ["before the answer", cut],
      ["in the middle of it", cutHalfway],
      ["behind a 503", status(503, html)],
    ])("%s is sent again if it is idempotent", async (_, fault) => {
      server.answer(fault, echo);
      expect(await redis.send(["SET", "a", 1], { idempotent: true })).toBe("SET a 1");
      expect(bodies()).toEqual([
        ["SET", "a", "1"],
        ["SET", "a", "1"],
      ]);
    });

    it("of a batch sends only what is idempotent again", async () => {
      server.answer(cut, echo);
      const all = await Promise.all([
        redis.send(["SET", "a", 1], { idempotent: true }),
        failureOf(redis.send(["INCR", "b"])),
        redis.pipeline(
          [
            ["SET", "c", 1],
            ["SET", "d", 1],
          ],
          { idempotent: true },
        ),
        failureOf(redis.pipeline([["INCR", "e"]])),
      ]);
      const lost = expect.objectContaining({ sent: "unknown" });
      expect(all).toEqual(["SET a 1", lost, ["SET c 1", "SET d 1"], lost]);
      expect(bodies()[1]).toEqual([
        ["SET", "a", "1"],
        ["SET", "c", "1"],
        ["SET", "d", "1"],
      ]);
    });

    it("is sent again twice at most", async () => {
      server.answer(cut);
      const start = performance.now();
      expect(await failureOf(redis.send(["GET", "a"], { idempotent: true }))).toMatchObject({ sent: "unknown" });
      expect(server.seen).toHaveLength(3);
      expect(performance.now() - start).toBeGreaterThan(100);
    });

    it("is not sent again for a caller who has left", async () => {
      const leaving = new AbortController();
      const reason = new Error("left");
      server.answer((...request) => {
        leaving.abort(reason);
        cut(...request);
      }, echo);
      expect(await failureOf(redis.send(["GET", "a"], { idempotent: true, signal: leaving.signal }))).toBe(reason);
      await sleep(300);
      expect(server.seen).toHaveLength(1);
    });

    it("of a transaction is reported, or sent again if it is idempotent", async () => {
      server.answer(cut, echo);
      expect(await redis.transaction?.([["SET", "a", 1]], { idempotent: true })).toEqual(["SET a 1"]);
      server.answer(cut, echo);
      await expect(redis.transaction?.([["INCR", "a"]])).rejects.toMatchObject({ sent: "unknown" });
    });
  });

  describe("a connection that died without a sign", () => {
    it("costs an idempotent call half of its deadline, and another one all of it", async () => {
      server.answer(silence, echo);
      const abandoned = server.abandoned;
      const options = { timeout: 600 };
      const [again, once] = await Promise.allSettled([
        redis.send(["GET", "a"], { ...options, idempotent: true }),
        redis.send(["INCR", "b"], options),
      ]);
      expect(again).toMatchObject({ value: "GET a" });
      expect(once).toMatchObject({ reason: { code: "TIMEOUT", sent: "unknown" } });
      expect(bodies()).toEqual([
        [
          ["GET", "a"],
          ["INCR", "b"],
        ],
        ["GET", "a"],
      ]);
      // Nobody waits for it any more.
      await expect.poll(() => server.abandoned).toBe(abandoned + 1);
    });

    it("is left as soon as another one has answered everybody", async () => {
      server.answer(silence, echo);
      const abandoned = server.abandoned;
      expect(await redis.send(["GET", "a"], { timeout: 1_000, idempotent: true })).toBe("GET a");
      await expect.poll(() => server.abandoned).toBe(abandoned + 1);
    });

    it("serves a limiter within its own deadline", async () => {
      server.answer(silence, status(200, JSON.stringify({ result: [0, 9, 60_000] })));
      const limiter = createLimiter(redis, { prefix: "p", algorithm: fixedWindow({ limit: 10, window: 60_000 }) });
      expect(await limiter.limit("login")).toMatchObject({ allowed: true, degraded: false });
    });
  });

  it("gives a process that was blocked the time to read its answers, and sends nothing twice", async () => {
    await redis.send(["PING"]);
    server.seen.length = 0;
    server.answer((...args) => void setTimeout(echo, 20, ...args));
    const options = { timeout: 400 };
    const calls = [redis.send(["INCR", "a"], options), redis.send(["GET", "b"], { ...options, idempotent: true })];
    // The request leaves, and then nobody reads.
    await sleep(5);
    const end = performance.now() + 1_100;
    while (performance.now() < end);
    expect(await Promise.all(calls)).toEqual(["INCR a", "GET b"]);
    expect(server.seen.flatMap(({ body }) => (body as string[][]).filter(([name]) => name === "INCR"))).toHaveLength(1);
  });

  it("says that a refused connection sent nothing, and does not try again", async () => {
    const nowhere = connect({ url: `http://127.0.0.1:${await freePort()}` });
    const error = await failureOf(nowhere.send(["INCR", "a"], { idempotent: true }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ sent: false });
  });

  describe("a deadline", () => {
    it("ends the call and the request when nobody answers", async () => {
      server.answer(silence);
      const before = server.abandoned;
      const error = await failureOf(connect({ timeout: 500 }).send(["GET", "a"]));
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ timeout: 500, sent: "unknown" });
      await expect.poll(() => server.abandoned, { timeout: 10_000 }).toBe(before + 1);
    });
  });

  describe("an abort", () => {
    const reason = new Error("enough");

    it("before the call sends nothing", async () => {
      expect(await failureOf(redis.send(["GET", "a"], { signal: AbortSignal.abort(reason) }))).toBe(reason);
      expect(await failureOf(redis.pipeline([["GET", "a"]], { signal: AbortSignal.abort(reason) }))).toBe(reason);
      await sleep(20);
      expect(server.seen).toEqual([]);
    });

    it("in the tick of the call takes the command out of the batch", async () => {
      const controller = new AbortController();
      const leaving = failureOf(redis.send(["INCR", "a"], { signal: controller.signal }));
      const staying = redis.send(["GET", "b"]);
      controller.abort(reason);
      expect(await leaving).toBe(reason);
      expect(await staying).toBe("GET b");
      expect(bodies()).toEqual([["GET", "b"]]);
    });

    it("during the request leaves the others their answers", async () => {
      const controller = new AbortController();
      server.answer((response, seen, request) => {
        controller.abort(reason);
        setTimeout(() => echo(response, seen, request), 30);
      });
      const leaving = failureOf(redis.send(["GET", "a"], { signal: controller.signal }));
      const staying = redis.send(["GET", "b"]);
      expect(await leaving).toBe(reason);
      expect(await staying).toBe("GET b");
    });

    it("of all callers ends the request", async () => {
      const before = server.abandoned;
      const controller = new AbortController();
      server.answer(() => controller.abort(reason));
      const { signal } = controller;
      const all = await Promise.all([
        failureOf(redis.send(["GET", "a"], { signal })),
        failureOf(redis.send(["GET", "b"], { signal })),
      ]);
      expect(all).toEqual([reason, reason]);
      await expect.poll(() => server.abandoned, { timeout: 10_000 }).toBe(before + 1);
    });

    it("after the answer changes nothing", async () => {
      const controller = new AbortController();
      expect(await redis.send(["GET", "a"], { signal: controller.signal })).toBe("GET a");
      controller.abort(reason);
      expect(await redis.send(["GET", "b"])).toBe("GET b");
    });
  });

  it("uses the `fetch` that it was given, without a receiver", async () => {
    const urls: string[] = [];
    const counted = connect({
      async fetch(this: unknown, input, init) {
        expect(this).toBeUndefined();
        urls.push(new Request(input).url);
        return fetch(input, init);
      },
    });
    await counted.send(["PING"]);
    expect(urls).toEqual([`${server.url}/`]);
  });

  it("keeps the path of the URL, with or without a slash at its end", async () => {
    for (const path of ["/redis", "/redis/"]) await connect({ url: server.url + path }).send(["PING"]);
    expect(server.seen.map(({ path }) => path)).toEqual(["/redis/", "/redis/"]);
  });
});
