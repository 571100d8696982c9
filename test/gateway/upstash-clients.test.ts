import { Ratelimit } from "@upstash/ratelimit";
import { Redis, errors } from "@upstash/redis";
import { beforeAll, describe, expect, it } from "vitest";
import { openScene } from "./open-gateway.ts";
import { token } from "./token.ts";

// Both packages as they are installed, with their default options, over real HTTP.
const scene = openScene();
let redis: Redis;

beforeAll(async () => {
  redis = new Redis({ url: await scene.serve(), token });
});

describe("@upstash/redis", () => {
  it("writes and reads strings, numbers and objects", async () => {
    expect(await redis.set("text", "bär ☕")).toBe("OK");
    expect(await redis.get("text")).toBe("bär ☕");
    await redis.set("object", { a: 1, b: ["x", null] }, { ex: 100 });
    expect(await redis.get("object")).toEqual({ a: 1, b: ["x", null] });
    expect(await redis.set("object", 1, { nx: true })).toBeNull();
    expect(await redis.incrby("number", 42)).toBe(42);
    expect(await redis.get("none")).toBeNull();
    expect(await redis.set("ok", "OK")).toBe("OK");
    expect(await redis.get("ok")).toBe("OK");
    expect(await redis.mget("text", "none")).toEqual(["bär ☕", null]);
    expect(await redis.del("text", "none")).toBe(1);
  });

  it("keeps hashes, sorted sets, lists, sets and streams", async () => {
    expect(await redis.hset("hash", { name: "x", n: 1, deep: { y: true } })).toBe(3);
    expect(await redis.hgetall("hash")).toEqual({ name: "x", n: 1, deep: { y: true } });
    expect(await redis.hgetall("none")).toBeNull();
    await redis.zadd("zset", { score: 1.5, member: "a" }, { score: 2, member: "b" });
    expect(await redis.zrange("zset", 0, -1, { withScores: true })).toEqual(["a", 1.5, "b", 2]);
    expect(await redis.zscore("zset", "a")).toBe(1.5);
    expect(await redis.rpush("list", "x", "y")).toBe(2);
    expect(await redis.lrange("list", 0, -1)).toEqual(["x", "y"]);
    await redis.sadd("set", "one");
    expect(await redis.smembers("set")).toEqual(["one"]);
    await redis.xadd("stream", "1-0", { field: "value" });
    expect(await redis.xrange("stream", "-", "+")).toEqual({ "1-0": { field: "value" } });
  });

  it("scans", async () => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => redis.set(`scan:${i}`, i)));
    const found = new Set<string>();
    let cursor = "0";
    do {
      const [next, keys] = await redis.scan(cursor, { match: "scan:*", count: 10 });
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== "0");
    expect(found.size).toBe(50);
  });

  it("gets each caller's own reply when calls are pipelined for it", async () => {
    const calls = Array.from({ length: 300 }, (_, i) => redis.echo(`caller ${i}`));
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => `caller ${i}`));
  });

  it("pipelines and runs transactions", async () => {
    const replies = await redis.pipeline().set("p", 1).incr("p").get("p").exec();
    expect(replies).toEqual(["OK", 2, 2]);
    const kept = await redis.pipeline().set("p", "x").incr("p").exec({ keepErrors: true });
    expect(kept[1]).toMatchObject({ error: "ERR value is not an integer or out of range" });
    expect(await redis.multi().set("m", "a").get("m").exec()).toEqual(["OK", "a"]);
  });

  it("runs scripts by text, by digest and by createScript, also after the server lost them", async () => {
    expect(await redis.eval("return ARGV[1] .. KEYS[1]", ["k"], ["v"])).toBe("vk");
    expect(await redis.eval("return {redis.call('SET', KEYS[1], 1), 2}", ["k"], [])).toEqual(["OK", 2]);
    const script = redis.createScript<number>(
      "#!lua flags=allow-key-locking\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])",
    );
    expect(await script.exec(["counter"], ["2"])).toBe(2);
    await redis.scriptFlush();
    expect(await script.exec(["counter"], ["2"])).toBe(4);
    expect(await script.evalsha(["counter"], ["2"])).toBe(6);
    const digest = await redis.scriptLoad("return 7");
    expect(await redis.scriptExists(digest, "0".repeat(40))).toEqual([1, 0]);
    expect(await redis.evalsha(digest, [], [])).toBe(7);
  });

  it("is told what was wrong", async () => {
    await redis.set("text", "x");
    await expect(redis.incr("text")).rejects.toThrow("ERR value is not an integer or out of range");
    await expect(redis.exec(["BLPOP", "x", 0])).rejects.toThrow('Command "BLPOP" is not allowed in REST');
    await expect(redis.multi().set("text", "y").exec()).resolves.toEqual(["OK"]);
    const url = await scene.serve();
    const stranger = new Redis({ url, token: "wrong" });
    await expect(stranger.get("text")).rejects.toThrow(errors.UpstashError);
    await expect(stranger.get("text")).rejects.toThrow("WRONGPASS");
  });

  it("moves its sync token with every answer", async () => {
    const seen: unknown[] = [];
    for (let i = 0; i < 3; i += 1) {
      await redis.get("x");
      seen.push(redis.readYourWritesSyncToken);
    }
    expect(new Set(seen).size).toBe(3);
  });

  it("may leave out base64 and reads the same", async () => {
    const plain = new Redis({ url: await scene.serve(), token, responseEncoding: false });
    await plain.set("plain", "ü");
    expect(await plain.get("plain")).toBe("ü");
  });
});

describe("@upstash/ratelimit", () => {
  const limiters = {
    fixedWindow: () => Ratelimit.fixedWindow(5, "60 s"),
    slidingWindow: () => Ratelimit.slidingWindow(5, "60 s"),
    tokenBucket: () => Ratelimit.tokenBucket(5, "60 s", 5),
  };

  it.each(["fixedWindow", "slidingWindow", "tokenBucket"] as const)(
    "%s lets exactly its limit through, and again after the scripts were lost",
    async (algorithm) => {
      const ratelimit = new Ratelimit({
        redis,
        limiter: limiters[algorithm](),
        prefix: algorithm,
        ephemeralCache: false,
      });
      const ask = async () => (await ratelimit.limit("user")).success;
      expect([await ask(), await ask()]).toEqual([true, true]);
      await redis.scriptFlush();
      const rest = await Promise.all(Array.from({ length: 20 }, ask));
      expect(rest.filter(Boolean)).toHaveLength(3);
      const { remaining } = await ratelimit.getRemaining("user");
      expect(remaining).toBe(0);
      await ratelimit.resetUsedTokens("user");
      expect(await ask()).toBe(true);
    },
  );

  it("sends the header of key locking, which a bare Redis refuses", async () => {
    await expect(scene.redis.send(["EVAL", "#!lua flags=allow-key-locking\nreturn 1", 0])).rejects.toThrow(
      "Unexpected flag",
    );
    const scripts: string[] = [];
    const url = await scene.serve();
    const watched = new Redis({ url, token });
    watched.use(async (request, next) => {
      scripts.push(...(JSON.stringify(request.body).match(/#!lua[^\\]*/g) ?? []));
      return next(request);
    });
    await redis.scriptFlush();
    await new Ratelimit({ redis: watched, limiter: limiters.fixedWindow(), prefix: "header" }).limit("user");
    expect(scripts).toContain("#!lua flags=allow-key-locking");
  });
});
