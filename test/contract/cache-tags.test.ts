import { describe, expect, it } from "vitest";
import { type CacheOptions, createCache } from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import { counted } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";
import { measureScripts } from "../support/script-work.ts";

onEveryBackend("the cache's tags", (backend) => {
  let serial = 0;
  const setUp = async (more: Partial<CacheOptions<string>> = {}) => {
    serial += 1;
    const options = { prefix: `${backend.prefix}:g${serial}`, ttl: 60_000, timeout: 10_000, ...more };
    const redis = await backend.connect();
    const { port, trips, cost } = counted(redis);
    const distant = redis.distant === true;
    return { cache: createCache<string>(port, options), trips, cost, redis, options, distant };
  };
  const tags = ["team:7", "a,b=c;d", "%ü"];
  const odd = ["a\ud83d", "\ude00", "%ud83d", "%2C", "{x}", "😀"];
  const onCluster = backend.name.includes("Cluster");

  it("makes every entry with a tag a miss, and no other", async () => {
    const { cache } = await setUp();
    await cache.getOrSet("loaded", () => "v", { tags });
    await cache.set("set", "v", { tags: ["team:7"] });
    await cache.setMany(
      [
        ["many", "v"],
        ["more", "v"],
      ],
      { tags: ["team:7"] },
    );
    await cache.set("other", "v", { tags: ["team:8"] });
    await cache.set("none", "v");
    const ids = ["loaded", "set", "many", "more", "other", "none"];
    expect(await cache.getMany(ids)).toEqual(["v", "v", "v", "v", "v", "v"]);
    expect(await cache.invalidateTags(["team:7"])).toBe(1);
    expect(await cache.getMany(ids)).toEqual([undefined, undefined, undefined, undefined, "v", "v"]);
    expect(await cache.invalidateTags(["team:7", "team:8", "unused"])).toBe(1);
    expect(await cache.getMany(ids)).toEqual([undefined, undefined, undefined, undefined, undefined, "v"]);
    expect(await cache.invalidateTags([])).toBe(0);
  });

  it.each(tags)("finds an entry by each of its tags: %s", async (tag) => {
    const { cache } = await setUp();
    await cache.getOrSet("k", () => "old", { tags });
    expect(await cache.getOrSet("k", () => "new", { tags })).toBe("old");
    await cache.invalidateTags([tag]);
    expect(await cache.get("k")).toBeUndefined();
    expect(await cache.getOrSet("k", () => "new", { tags })).toBe("new");
    expect(await cache.getOrSet("k", () => "newer", { tags })).toBe("new");
  });

  it("keeps an entry with any text as a tag", async () => {
    const { cache } = await setUp();
    for (const tag of odd) {
      await cache.set(tag, "v", { tags: [tag] });
      expect(await cache.get(tag)).toBe("v");
      expect(await cache.get(tag, { tags: [tag] })).toBe("v");
    }
    await cache.invalidateTags(["a\ud83d"]);
    expect(await cache.getMany(odd)).toEqual(odd.map((tag) => (tag === "a\ud83d" ? undefined : "v")));
  });

  it("counts an evicted tag as a miss, never as a hit", async () => {
    const { cache, redis, options } = await setUp();
    await cache.set("k", "old", { tags: ["t"] });
    await redis.send(["DEL", `cache:${options.prefix}:{t}:tag`]);
    expect(await cache.get("k")).toBeUndefined();
    expect(await cache.getOrSet("k", () => "new", { tags: ["t"] })).toBe("new");
  });

  it("does not serve an entry that lacks a tag which the caller names", async () => {
    const { cache } = await setUp();
    await cache.set("k", "old", { tags: ["a"] });
    expect(await cache.getOrSet("k", () => "new", { tags: ["a", "b"] })).toBe("new");
    await cache.invalidateTags(["b"]);
    expect(await cache.get("k")).toBeUndefined();
  });

  backend.it("are at most a thousand, for which a script does bounded work", async () => {
    const { redis, runs } = measureScripts(await backend.connect());
    const cache = createCache<string>(redis, { prefix: `${backend.prefix}:many`, ttl: 60_000, timeout: 10_000 });
    const tags = Array.from({ length: 1_000 }, (_, i) => `t${i}`);
    for (const value of ["first", "second"]) await cache.set("k", value, { tags });
    expect(await cache.get("k", { tags })).toBe("second");
    expect(Math.max(...runs.map(({ commands }) => commands))).toBeLessThanOrEqual(3 * tags.length + 1);
    expect(Math.max(...runs.map(({ rounds }) => rounds))).toBeLessThanOrEqual(tags.length);
    expect(await cache.invalidateTags(tags)).toBe(1_000);
    const tooMany = expect.objectContaining({ message: expect.stringMatching(/`tags` must have at most 1000/) });
    await expect(cache.set("k", "v", { tags: [...tags, "one more"] })).rejects.toEqual(tooMany);
    await expect(cache.invalidateTags([...tags, "one more"])).rejects.toEqual(tooMany);
  });

  it("keeps the tags of two prefixes, and the keys and tags of one, apart", async () => {
    const { cache } = await setUp();
    const twin = (await setUp()).cache;
    await Promise.all([cache, twin].map((each) => each.set("t", "v", { tags: ["t"] })));
    await cache.invalidateTags(["t"]);
    expect(await cache.get("t")).toBeUndefined();
    expect(await twin.get("t")).toBe("v");
    await twin.delete("t");
    expect(await twin.invalidateTags(["t"])).toBe(1);
  });

  it("lets a tag outlive whatever is stored with it", async () => {
    const { cache, redis, options } = await setUp({ staleIfError: 60_000 });
    await cache.set("short", "v", { tags: ["t"], ttl: 1_000 });
    await cache.set("long", "v", { tags: ["t"], ttl: 3_600_000 });
    await cache.set("short", "v", { tags: ["t"], ttl: 1_000 });
    const entry = Number(await redis.send(["PTTL", `cache:${options.prefix}:{long}`]));
    expect(Number(await redis.send(["PTTL", `cache:${options.prefix}:{t}:tag`]))).toBeGreaterThan(entry);
  });

  describe("clear", () => {
    it("makes every entry of a clearable cache a miss", async () => {
      const { cache, trips } = await setUp({ clearable: true });
      await cache.getOrSet("a", () => "v");
      await cache.set("b", "v", { tags: ["t"] });
      expect(await cache.getMany(["a", "b"])).toEqual(["v", "v"]);
      trips.length = 0;
      await cache.clear();
      expect(trips).toEqual(["UNLINK"]);
      expect(await cache.getMany(["a", "b"])).toEqual([undefined, undefined]);
    });

    it("is refused by a cache that is not", async () => {
      const { cache, trips } = await setUp();
      await expect(cache.clear()).rejects.toThrow(OptionError);
      expect(trips).toEqual([]);
    });
  });

  it("takes one round trip for a hit with 3 tags, one command for an invalidation, and for a miss 2 over HTTP and 3 over TCP", async () => {
    const { cache, cost, distant } = await setUp();
    const warm = { tags: ["w1", "w2"] };
    await cache.getOrSet("warm", () => "v", warm);
    await cache.getOrSet("warm", () => "v", warm);
    // What one trip carries is sent in one tick: the read, then the claim with the tags, then the write with the tags.
    const read = onCluster ? "GET+GET+GET+GET" : "MGET";
    const claim = Array.from({ length: onCluster ? 4 : 2 }, () => "EVALSHA");
    const write = ["EVALSHA", onCluster ? "GET+GET+GET" : "MGET"];
    const miss = distant ? [...claim, ...write] : [read, ...claim, ...write];
    const ask = () => cost(() => cache.getOrSet("k", () => "v", { tags }));
    expect(await ask()).toEqual({ trips: miss, rounds: distant ? 2 : 3 });
    await cache.getOrSet("k", () => "v", { tags });
    expect(await ask()).toEqual({ trips: distant ? claim : [read], rounds: 1 });
    expect(await cost(() => cache.get("k", { tags }))).toEqual({ trips: [read], rounds: 1 });
    expect((await cost(() => cache.invalidateTags(["team:7"]))).trips).toEqual(["UNLINK"]);
  });

  backend.it("invalidates a tag of a thousand entries in one command", async () => {
    // The machine may be busy for longer than the deadline of a trip; here only the number of commands counts.
    const { cache, cost } = await setUp({ timeout: 10_000 });
    const ids = Array.from({ length: 1_000 }, (_, i) => `k${i}`);
    await cache.setMany(
      ids.map((id) => [id, "v"] as const),
      { tags: ["big"] },
    );
    const values = async () => new Set(await cache.getMany(ids, { tags: ["big"] }));
    expect(await values()).toEqual(new Set(["v"]));
    expect((await cost(() => cache.invalidateTags(["big"]))).trips).toEqual(["UNLINK"]);
    expect(await values()).toEqual(new Set([undefined]));
  });

  it("refuses a tag that is no text", async () => {
    const { cache, trips } = await setUp();
    await expect(cache.set("k", "v", { tags: [""] })).rejects.toThrow(OptionError);
    await expect(cache.getOrSet("k", () => "v", { tags: [7 as never] })).rejects.toThrow(OptionError);
    await expect(cache.invalidateTags([""])).rejects.toThrow(OptionError);
    expect(trips).toEqual([]);
  });
});
