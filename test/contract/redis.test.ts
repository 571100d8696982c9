import { describe, expect, it } from "vitest";
import { ReplyError } from "../../src/core/errors.ts";
import { keyOf } from "../../src/core/keys.ts";
import { observe, type WireEvent } from "../../src/core/port/observe.ts";
import { ping, type PingSuccess } from "../../src/core/port/ping.ts";
import type { Command, Redis, Reply, SendOptions } from "../../src/core/port/redis.ts";
import { integer, text, texts } from "../../src/core/port/reply.ts";
import { defineScript } from "../../src/core/script/define-script.ts";
import { unchecked } from "../../src/core/unchecked.ts";
import { type Backend, everything, onEveryBackend } from "../support/backends.ts";

const minute = 60_000;

/** Values that some client, encoding or protocol changes on the way. */
const values: readonly (readonly [what: string, value: string])[] = [
  ["an empty string", ""],
  ["a blank", " "],
  ["zero", "0"],
  ["digits with a leading zero", "007"],
  ["digits beyond 2^53", "9007199254740993"],
  ["a float", "1.50"],
  ["an exponent", "1e21"],
  ["null", "null"],
  ["true", "true"],
  ["JSON", '{"a":[1,null,"b"]}'],
  ["quoted text", '"quoted"'],
  ["OK", "OK"],
  ["what looks like base64", "aGVsbG8="],
  ["a letter of two bytes", "ü"],
  ["an emoji", "😀"],
  ["line breaks", "one\r\ntwo\nthree"],
  ["a null byte", "a\u0000b"],
  ["a byte order mark inside", "a\uFEFFb"],
  ["100 kB", "redis ".repeat(17_000)],
];

/** Ids and keys that some layer takes for syntax. */
const names = ["a:b", "{x}", "*", "ü", "a b", "a/b?c#d%2F", "one\ntwo", "😀", "null", "k".repeat(10_240)];

/** Sets up, then asks; the answers in the shape that RESP2 gives them. `$` begins a key of the suite. */
const replies: readonly (readonly [setup: readonly string[], asked: string, answer: unknown])[] = [
  [["SET $s v"], "GET $s", "v"],
  [["SET $s v"], "TYPE $s", "string"],
  [["SET $s v"], "STRLEN $s", 1],
  [["SET $s v"], "SET $s w NX", null],
  [["SET $s v"], "MGET $s $none $s", ["v", null, "v"]],
  [[], "GET $none", null],
  [["SET $n 41"], "INCR $n", 42],
  [["SET $n 1"], "INCRBYFLOAT $n 0.5", "1.5"],
  [["SET $n 9007199254740000"], "INCR $n", 9_007_199_254_740_001],
  [["SET $n -9007199254740000"], "DECR $n", -9_007_199_254_740_001],
  [["SET $s v"], "EXISTS $s $none", 1],
  [["SET $s v"], "PTTL $s", -1],
  [["HSET $h a 1 b two"], "HGETALL $h", ["a", "1", "b", "two"]],
  [["HSET $h a 1 b two"], "HMGET $h b none", ["two", null]],
  [["HSET $h a 1"], "HRANDFIELD $h 1 WITHVALUES", ["a", "1"]],
  [["HSET $h a 1"], "HINCRBYFLOAT $h a 1", "2"],
  [[], "HGETALL $none", []],
  [["RPUSH $l a b"], "LRANGE $l 0 -1", ["a", "b"]],
  [["RPUSH $l a b"], "LPOP $l 2", ["a", "b"]],
  [[], "LPOP $none", null],
  [["SADD $m a"], "SMEMBERS $m", ["a"]],
  [["SADD $m a"], "SISMEMBER $m a", 1],
  [["SADD $m a"], "SMISMEMBER $m a b", [1, 0]],
  [["SADD $m a"], "SPOP $m 1", ["a"]],
  [["ZADD $z 1 a 1.5 b"], "ZRANGE $z 0 -1 WITHSCORES", ["a", "1", "b", "1.5"]],
  [["ZADD $z 1 a 1.5 b"], "ZRANGE $z 0 -1", ["a", "b"]],
  [["ZADD $z 1 1 2 2"], "ZRANGE $z 0 -1", ["1", "2"]],
  [["ZADD $z 1 a 2 b"], "ZREVRANGE $z 0 -1 WITHSCORES", ["b", "2", "a", "1"]],
  [["ZADD $z 1 a 2 b"], "ZRANGEBYSCORE $z 2 +inf WITHSCORES", ["b", "2"]],
  [["ZADD $z 1 a"], "ZUNION 1 $z WITHSCORES", ["a", "1"]],
  [["ZADD $z 1 a"], "ZRANDMEMBER $z 1 WITHSCORES", ["a", "1"]],
  [["ZADD $z 1 a 1.5 b"], "ZSCORE $z a", "1"],
  [["ZADD $z 1 a 1.5 b"], "ZSCORE $z b", "1.5"],
  [["ZADD $z inf a"], "ZSCORE $z a", "inf"],
  [["ZADD $z 1 a"], "ZSCORE $z none", null],
  [["ZADD $z 1 a"], "ZMSCORE $z a none", ["1", null]],
  [["ZADD $z 1 a"], "ZINCRBY $z 2 a", "3"],
  [["ZADD $z 1 a"], "ZADD $z INCR 2 a", "3"],
  [["ZADD $z 1 a"], "ZADD $z NX CH INCR 2 a", null],
  [["ZADD $z 1 a"], "ZADD $z 2 incr", 1],
  [["ZADD $z 1 a"], "ZRANK $z a", 0],
  [["ZADD $z 1 a"], "ZCARD $z", 1],
  [["ZADD $z 1 a"], "ZPOPMIN $z", ["a", "1"]],
  [["ZADD $z 1 a 2 b"], "ZPOPMAX $z 2", ["b", "2", "a", "1"]],
  [["ZADD $z 1 a"], "ZMPOP 1 $z MIN", ["$z", [["a", "1"]]]],
  [["GEOADD $g 13 38 a 13 38 b"], "GEODIST $g a b", "0.0000"],
  [["XADD $x 1-1 f v"], "XADD $x 2-0 g w", "2-0"],
  [["XADD $x 1-1 f v"], "XLEN $x", 1],
  [["XADD $x 1-1 f v g w"], "XRANGE $x - +", [["1-1", ["f", "v", "g", "w"]]]],
  [
    ["XADD $x 1-1 f v", "XADD $y 1-2 f w"],
    "XREAD STREAMS $x $y 0 0",
    [
      ["$x", [["1-1", ["f", "v"]]]],
      ["$y", [["1-2", ["f", "w"]]]],
    ],
  ],
  [["XADD $x 1-1 f v"], "XREAD COUNT 1 STREAMS $x 0", [["$x", [["1-1", ["f", "v"]]]]]],
  [["XADD $x 1-1 f v"], "XREAD STREAMS $x 1-1", null],
  [["XADD $x 1-1 f v", "XGROUP CREATE $x g 0"], "XREADGROUP GROUP g c STREAMS $x >", [["$x", [["1-1", ["f", "v"]]]]]],
  [["XADD $x 1-1 f v", "XGROUP CREATE $x g 0"], "XPENDING $x g", [0, null, null, null]],
  [["EVAL return{} 0"], "EVAL return{} 0", []],
  [[], "EVAL return{1,'two',{3,{}},false,true} 0", [1, "two", [3, []], null, 1]],
  [[], "EVAL return(3.7) 0", 3],
  [[], "EVAL return(false) 0", null],
  [[], "EVAL return'' 0", ""],
  [[], "EVAL return{ok='FINE'} 0", "FINE"],
  [[], "EVAL return{ok='OK'} 0", "OK"],
  [[], "EVAL return{{ok='OK'},'OK'} 0", ["OK", "OK"]],
  [["ZADD $z 1 a"], "EVAL return(redis.call('ZRANGE',KEYS[1],0,-1,'WITHSCORES')) 1 $z", ["a", "1"]],
  [["HSET $h a 1"], "EVAL return(redis.call('HGETALL',KEYS[1])) 1 $h", ["a", "1"]],
];

onEveryBackend(
  "the port",
  (backend) => {
    const key = (name: string) => `${backend.prefix}:${name}`;

    describe("values", () => {
      it.each(values)("carries %s there and back", async (_, value) => {
        const redis = await backend.connect();
        expect(await redis.send(["SET", key("value"), value, "PX", minute])).toBe("OK");
        expect(await redis.send(["GET", key("value")])).toBe(value);
        expect(await redis.pipeline([["GET", key("value")]])).toEqual([value]);
        expect(
          await redis.send(["EVAL", "return {ARGV[1],redis.call('GET',KEYS[1])}", 1, key("value"), value]),
        ).toEqual([value, value]);
      });

      it("carries a leading byte order mark, except through a client that is known to lose it", async () => {
        const redis = await backend.connect();
        await redis.send(["SET", key("bom"), "\uFEFFa", "PX", minute]);
        expect(integer(await redis.send(["STRLEN", key("bom")]))).toBe(4);
        expect(await redis.send(["GET", key("bom")])).toBe(backend.name.startsWith("upstash") ? "a" : "\uFEFFa");
      });

      it.each(names)("takes %j in a key as it is", async (name) => {
        const redis = await backend.connect();
        for (const odd of [key(name), keyOf(backend.prefix, name)]) {
          await redis.send(["SET", odd, name, "PX", minute]);
          expect(await redis.send(["GET", odd])).toBe(name);
        }
        expect(await backend.keys()).toEqual(expect.arrayContaining([key(name), keyOf(backend.prefix, name)]));
      });

      it.each([42, -7, 0, 1.5, Number.MAX_SAFE_INTEGER])("sends the number %d as its decimal text", async (number) => {
        const redis = await backend.connect();
        expect(await redis.send(["EVAL", "return ARGV[1]", 0, number])).toBe(String(number));
      });

      it("gives integers beyond 2^53 as text", async () => {
        const redis = await backend.connect();
        await redis.send(["SET", key("big"), "9007199254740999", "PX", minute]);
        const reply = await redis.send(["INCR", key("big")]);
        expect(reply).toMatch(/^90071992547410\d\d$/);
        expect(integer(reply)).toBe(9_007_199_254_741_000);
      });
    });

    describe("replies", () => {
      it.each(replies)("%j, then %s", async (setup, asked, answer) => {
        const redis = await backend.connect();
        const fresh = { ask: async (line: string) => redis.send(commandOf(backend, line)) };
        await forget(backend, redis);
        for (const line of setup) await fresh.ask(line);
        expect(await fresh.ask(asked)).toEqual(placed(backend, answer));
        await forget(backend, redis);
      });

      it("have the same shapes in a pipeline", async () => {
        const redis = await backend.connect();
        for (const [setup, asked, answer] of replies) {
          await forget(backend, redis);
          const lines = [...setup, asked].map((line) => commandOf(backend, line));
          expect((await inOrder(redis, lines)).at(-1), asked).toEqual(placed(backend, answer));
        }
        await forget(backend, redis);
      });

      it("have the same shapes in a transaction", async () => {
        const redis = await backend.connect();
        const transaction = transactionOf(backend, redis);
        for (const [setup, asked, answer] of replies) {
          await forget(backend, redis);
          const lines = [...setup, asked].map((line) => commandOf(backend, line));
          expect((await transaction(lines)).at(-1), asked).toEqual(placed(backend, answer));
        }
        await forget(backend, redis);
      });

      it("have the same shapes whatever the case of the command's name", async () => {
        const redis = await backend.connect();
        await redis.send(["hset", key("case"), "a", 1]);
        await redis.send(["pexpire", key("case"), minute]);
        expect(await redis.send(["hgetall", key("case")])).toEqual(["a", "1"]);
        expect(await redis.send(["HGetAll", key("case")])).toEqual(["a", "1"]);
      });

      it("give the facts of a stream as a flat list", async () => {
        const redis = await backend.connect();
        await forget(backend, redis);
        await redis.send(commandOf(backend, "XADD $x 1-1 f v"));
        await redis.send(commandOf(backend, "XGROUP CREATE $x g 0"));
        const stream = await redis.send(commandOf(backend, "XINFO STREAM $x"));
        const groups = await redis.send(commandOf(backend, "XINFO GROUPS $x"));
        await forget(backend, redis);
        expect(facts(stream)).toMatchObject({
          length: 1,
          "last-generated-id": "1-1",
          "first-entry": ["1-1", ["f", "v"]],
        });
        expect(Array.isArray(groups) && groups.map((group) => facts(group))).toMatchObject([{ name: "g", pending: 0 }]);
      });

      it("give members of a set in any order", async () => {
        const redis = await backend.connect();
        await redis.send(["SADD", key("set"), "b", "a", 1]);
        await redis.send(["PEXPIRE", key("set"), minute]);
        expect(texts(await redis.send(["SMEMBERS", key("set")])).toSorted()).toEqual(["1", "a", "b"]);
      });
    });

    describe("refusals", () => {
      it("are ReplyErrors with the first word as their code", async () => {
        const redis = await backend.connect();
        await redis.send(["SET", key("text"), "v", "PX", minute]);
        await expect(redis.send(["LPUSH", key("text"), "x"])).rejects.toMatchObject({
          name: "ReplyError",
          code: "WRONGTYPE",
        });
        await expect(redis.send(["EVAL", "return redis.error_reply('MYCODE it is')", 0])).rejects.toMatchObject({
          name: "ReplyError",
          code: "MYCODE",
          message: "MYCODE it is",
        });
      });

      it("hold no argument of the command, not even in what caused them", async () => {
        const redis = await backend.connect();
        const error: unknown = await redis.send(["NOSUCH", "s3cret", "s3cret"]).catch((error: unknown) => error);
        expect(error).toBeInstanceOf(ReplyError);
        expect(everythingOf(error)).not.toContain("s3cret");
      });

      it("leave the connection usable", async () => {
        const redis = await backend.connect();
        await redis.send(["SET", key("text"), "v", "PX", minute]);
        const [refused, answered] = await Promise.allSettled([
          redis.send(["LPUSH", key("text"), "x"]),
          redis.send(["GET", key("text")]),
        ]);
        expect(refused.status).toBe("rejected");
        expect(answered).toMatchObject({ value: "v" });
      });
    });

    describe("a pipeline", () => {
      it("answers in the order of its commands, failures as values", async () => {
        const redis = await backend.connect();
        await redis.send(["SET", key("text"), "v", "PX", minute]);
        const commands = Array.from({ length: 100 }, (_, i): Command =>
          i % 10 === 3 ? ["LPUSH", key("text"), i] : ["SET", key(`p${i}`), i, "PX", minute, "GET"],
        );
        await redis.pipeline(commands);
        const replies = await redis.pipeline(commands);
        const answers = replies.map((reply) => (reply instanceof ReplyError ? reply.code : reply));
        expect(answers).toEqual(commands.map((_, i) => (i % 10 === 3 ? "WRONGTYPE" : String(i))));
      });

      it("of no commands sends nothing", async () => {
        const redis = await backend.connect();
        await redis.send(["GET", key("none")]);
        expect(await backend.count(async () => expect(await redis.pipeline([])).toEqual([]))).toEqual({});
      });

      it("costs its commands and nothing else", async () => {
        const redis = await backend.connect();
        await redis.send(["GET", key("none")]);
        const counts = await backend.count(() =>
          redis.pipeline([
            ["GET", key("none")],
            ["EXISTS", key("none")],
            ["GET", key("none")],
          ]),
        );
        expect(counts).toEqual({ get: 2, exists: 1 });
      });

      it("gives each of 500 concurrent callers its own answer", async () => {
        const redis = await backend.connect();
        const asked = Array.from({ length: 500 }, (_, i) => `answer ${i}`);
        expect(await Promise.all(asked.map((word) => redis.send(["EVAL", "return ARGV[1]", 0, word])))).toEqual(asked);
      });
    });

    it.each<[string, unknown]>([
      ["a number, as other libraries take a deadline", 500],
      ["null", null],
      ["a deadline of null", { timeout: null }],
      ["a deadline that is no number", { timeout: Number.NaN }],
      ["a deadline of 0", { timeout: 0 }],
    ])("refuses, as options of a call, %s, and sends nothing", async (_, options) => {
      const redis = await backend.connect();
      const key = keyOf(backend.prefix, "options");
      const command: Command = ["SET", key, "v"];
      const wrong = unchecked<SendOptions>(options);
      const calls = [
        redis.send(command, wrong),
        redis.pipeline([command], wrong),
        ...(redis.transaction ? [redis.transaction([command], wrong)] : []),
      ];
      for (const result of await Promise.allSettled(calls)) {
        expect(result).toMatchObject({ status: "rejected", reason: { code: "OPTION" } });
      }
      expect(await redis.send(["EXISTS", key])).toBe(0);
    });

    describe("a transaction", () => {
      const one = (part: string) => keyOf(backend.prefix, "transaction", part);
      const open = async () => transactionOf(backend, await backend.connect());

      it("answers for each command, failures as values", async () => {
        const transaction = await open();
        const replies = await transaction([
          ["SET", one("a"), 1, "PX", minute],
          ["LPUSH", one("a"), "x"],
          ["INCR", one("a")],
        ]);
        expect(replies).toEqual(["OK", expect.objectContaining({ code: "WRONGTYPE" }), 2]);
        expect(replies[1]).toBeInstanceOf(ReplyError);
      });

      it("is applied whole or not at all", async () => {
        const transaction = await open();
        const redis = await backend.connect();
        await redis.send(["DEL", one("b")]);
        const refused = transaction([
          ["SET", one("b"), 1, "PX", minute],
          ["NOSUCH", "s3cret"],
        ]);
        await expect(refused).rejects.toBeInstanceOf(ReplyError);
        await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining("s3cret") });
        expect(await redis.send(["EXISTS", one("b")])).toBe(0);
      });

      it("lets nobody in between", async () => {
        const transaction = await open();
        const redis = await backend.connect();
        await redis.send(["SET", one("c"), 0, "PX", minute]);
        const [pairs] = await Promise.all([
          Promise.all(
            Array.from({ length: 50 }, () =>
              transaction([
                ["INCR", one("c")],
                ["INCR", one("c")],
              ]),
            ),
          ),
          Promise.all(Array.from({ length: 50 }, () => redis.send(["INCR", one("c")]))),
        ]);
        for (const [first, second] of pairs) expect(second).toBe(Number(first) + 1);
      });

      it("of no commands sends nothing", async () => {
        const transaction = await open();
        expect(await backend.count(async () => expect(await transaction([])).toEqual([]))).toEqual({});
      });

      it("rejects with the reason of a signal that has aborted, and sends nothing", async () => {
        const transaction = await open();
        const reason = new Error("enough");
        const signal = AbortSignal.abort(reason);
        const counts = await backend.count(async () =>
          expect(transaction([["GET", one("a")]], { signal })).rejects.toBe(reason),
        );
        expect(counts).toEqual({});
      });
    });

    describe("an abort", () => {
      const reason = { why: "the caller has gone" };

      it("before the call sends nothing", async () => {
        const redis = await backend.connect();
        await redis.send(["GET", key("none")]);
        const signal = AbortSignal.abort(reason);
        const counts = await backend.count(async () => {
          await expect(redis.send(["INCR", key("never")], { signal })).rejects.toBe(reason);
          await expect(redis.pipeline([["INCR", key("never")]], { signal })).rejects.toBe(reason);
        });
        expect(counts).toEqual({});
      });

      it("during the call rejects with its reason and harms nobody else", async () => {
        const redis = await backend.connect();
        const controller = new AbortController();
        const { signal } = controller;
        const before = redis.send(["EVAL", "return ARGV[1]", 0, "before"]);
        const sent = redis.send(["EVAL", "return ARGV[1]", 0, "aborted"], { signal });
        const batch = redis.pipeline([["EVAL", "return ARGV[1]", 0, "aborted too"]], { signal });
        const after = redis.send(["EVAL", "return ARGV[1]", 0, "after"]);
        controller.abort(reason);
        await expect(sent).rejects.toBe(reason);
        await expect(batch).rejects.toBe(reason);
        expect(await Promise.all([before, after])).toEqual(["before", "after"]);
        expect(await redis.send(["EVAL", "return ARGV[1]", 0, "later"])).toBe("later");
      });

      it("after the call changes nothing", async () => {
        const redis = await backend.connect();
        const controller = new AbortController();
        const reply = await redis.send(["EVAL", "return 7", 0], { signal: controller.signal });
        controller.abort(reason);
        expect(reply).toBe(7);
        expect(await redis.send(["EVAL", "return 8", 0])).toBe(8);
      });
    });

    describe("a script", () => {
      const script = defineScript({
        keys: ["key"],
        args: ["by", "...rest"],
        decode: integer,
        lua: `redis.call("INCRBY", key, by) redis.call("PEXPIRE", key, 60000) return #rest`,
      });
      const flush = () => Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));

      it("runs by its digest, and by its text where the server has lost it", async () => {
        const redis = await backend.connect();
        const values = { key: key("n"), by: 2, rest: ["x", "y"] };
        expect(await script(redis, values)).toBe(2);
        await flush();
        expect(await script(redis, values)).toBe(2);
        expect(text(await redis.send(["GET", values.key]))).toBe("4");
        const counts = await backend.count(() => script(redis, values));
        expect(counts).toEqual({ evalsha: 1, incrby: 1, pexpire: 1 });
      });

      it("counts every call exactly while the server keeps losing it", async () => {
        const redis = await backend.connect();
        const values = { key: key("lost"), by: 1, rest: [] };
        await Promise.all(
          Array.from({ length: 60 }, async (_, i) => {
            if (i % 10 === 0) await flush();
            await script(redis, values);
          }),
        );
        expect(text(await redis.send(["GET", values.key]))).toBe("60");
      });
    });

    describe("masters", () => {
      it("are there on a Cluster only, one port for each", async () => {
        const redis = await backend.connect();
        expect(redis.masters !== undefined).toBe(backend.name.includes("Cluster"));
        const masters = (await redis.masters?.()) ?? [redis];
        const nodes = await Promise.all(masters.map((master) => master.send(["EVAL", "return 1", 0])));
        expect(nodes).toEqual(Array.from(backend.servers, () => 1));
      });
    });

    describe("a ping", () => {
      it("finds nothing wrong, and leaves nothing", async () => {
        const redis = await backend.connect();
        const before = await backend.keys();
        const pong = await ping(redis, { prefix: backend.prefix });
        expect(pong).toEqual({ ok: true, latency: expect.any(Number), clockDifference: expect.any(Number) });
        expect(pong).toSatisfy((found: PingSuccess) => found.latency >= 0 && found.latency < 2_000);
        expect(pong).toSatisfy((found: PingSuccess) => Math.abs(found.clockDifference) < 1_000);
        expect(await backend.keys()).toEqual(before);
      });

      it("takes two trips", async () => {
        const trips: WireEvent[] = [];
        await ping(observe(await backend.connect(), (trip) => trips.push(trip)));
        expect(trips).toHaveLength(2);
      });

      it("rejects with the reason of an abort", async () => {
        const reason = new Error("enough");
        await expect(ping(await backend.connect(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      });
    });

    describe("an observer", () => {
      it("is told of every trip by the names of its commands", async () => {
        const events: WireEvent[] = [];
        const redis = observe(await backend.connect(), (event) => events.push(event));
        await redis.send(["SET", key("seen"), "s3cret", "PX", minute]);
        await redis.pipeline([
          ["get", key("seen")],
          ["LPUSH", key("seen"), "s3cret"],
        ]);
        await redis.send(["LPUSH", key("seen"), "s3cret"]).catch(() => {});
        await redis.transaction?.([["GET", key("seen")]]);
        expect(events.map(({ commands, outcome, code }) => [...commands, outcome, code])).toEqual([
          ["SET", "ok", undefined],
          ["GET", "LPUSH", "refused", "WRONGTYPE"],
          ["LPUSH", "refused", "WRONGTYPE"],
          ["GET", "ok", undefined],
        ]);
        expect(events.every(({ duration }) => duration >= 0 && duration < 10_000)).toBe(true);
        expect(JSON.stringify(events)).not.toContain("s3cret");
      });
    });
  },
  everything,
);

/** Every backend so far has transactions; one that has none must say so here. */
function transactionOf({ name }: Backend, redis: Redis): NonNullable<Redis["transaction"]> {
  if (redis.transaction) return redis.transaction;
  throw new Error(`${name} has no transactions`);
}

/** The keys of the table of replies: one slot. */
function tableKey(backend: Backend, name: string): string {
  return `${backend.prefix}:{table}:${name}`;
}

function commandOf(backend: Backend, line: string): Command {
  const [name = "", ...args] = line.split(" ").map((word) => placed(backend, word) as string);
  return [name, ...args];
}

/** Puts real keys where the table says `$name`. */
function placed(backend: Backend, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => placed(backend, item));
  return typeof value === "string" && value.startsWith("$") ? tableKey(backend, value.slice(1)) : value;
}

async function forget(backend: Backend, redis: Redis): Promise<void> {
  await redis.send(["DEL", ...["s", "n", "h", "l", "m", "z", "g", "x", "y"].map((name) => tableKey(backend, name))]);
}

/** A pipeline of commands that depend on each other: on a Cluster they run in no order, so there each is one of its own. */
async function inOrder(redis: Redis, commands: readonly Command[]): Promise<(Reply | ReplyError)[]> {
  if (!redis.masters) return redis.pipeline(commands);
  const replies: (Reply | ReplyError)[] = [];
  for (const command of commands) replies.push(...(await redis.pipeline([command])));
  return replies;
}

/** A flat list of names and values as an object. */
function facts(reply: Reply): Record<string, Reply> {
  const list = Array.isArray(reply) ? reply : [];
  return Object.fromEntries(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? null]] : [])));
}

/** Whatever a log could print of an error. */
function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? "";
  const own = Object.getOwnPropertyNames(error).map((name): unknown => Reflect.get(error, name));
  return own.map((part) => (typeof part === "string" ? part : everythingOf(part))).join(" ");
}
