import { describe, expect, it } from "vitest";
import { type CacheOptions, createCache } from "../../src/core/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import { counted } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("the cache's tags", (backend) => {
  let serial = 0;
  const setUp = async (more: Partial<CacheOptions<string>> = {}) => {
    serial += 1;
    const options = { prefix: `${backend.prefix}:g${serial}`, ttl: 60_000, ...more };
    const redis = await backend.connect();
    const { port, trips } = counted(redis);
    return { cache: createCache<string>(port, options), trips, redis, options };
  };
  const tags = ["team:7", "a,b=c;d", "%ü"];
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

  it("counts an evicted tag as a miss, never as a hit", async () => {
    const { cache, redis, options } = await setUp();
    await cache.set("k", "old", { tags: ["t"] });
    await redis.send(["DEL", `${options.prefix}:{t}:tag`]);
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
    const entry = Number(await redis.send(["PTTL", `${options.prefix}:{long}`]));
    expect(Number(await redis.send(["PTTL", `${options.prefix}:{t}:tag`]))).toBeGreaterThan(entry);
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

  it("takes one trip for a hit with 3 tags, one command for an invalidation, and three trips for a miss", async () => {
    const { cache, trips } = await setUp();
    const warm = { tags: ["w1", "w2"] };
    await cache.getOrSet("warm", () => "v", warm);
    await cache.getOrSet("warm", () => "v", warm);
    trips.length = 0;
    await cache.getOrSet("k", () => "v", { tags });
    // What one trip carries is sent in one tick: the read, then the claim with the tags, then the write with the tags.
    const miss = onCluster
      ? ["GET+GET+GET+GET", "EVALSHA", "EVALSHA", "EVALSHA", "EVALSHA", "EVALSHA", "GET+GET+GET"]
      : ["MGET", "EVALSHA", "EVALSHA", "EVALSHA", "MGET"];
    expect(trips).toEqual(miss);
    await cache.getOrSet("k", () => "v", { tags });
    trips.length = 0;
    await cache.getOrSet("k", () => "v", { tags });
    expect(trips).toEqual([onCluster ? "GET+GET+GET+GET" : "MGET"]);
    trips.length = 0;
    await cache.invalidateTags(["team:7"]);
    expect(trips).toEqual(["UNLINK"]);
  });

  it("invalidates a tag of a thousand entries in one command", async () => {
    const { cache } = await setUp();
    const ids = Array.from({ length: 1_000 }, (_, i) => `k${i}`);
    await cache.setMany(
      ids.map((id) => [id, "v"] as const),
      { tags: ["big"] },
    );
    expect((await cache.getMany(ids, { tags: ["big"] })).every((value) => value === "v")).toBe(true);
    expect(await backend.count(() => cache.invalidateTags(["big"]))).toEqual({ unlink: 1 });
    expect((await cache.getMany(ids, { tags: ["big"] })).every((value) => value === undefined)).toBe(true);
  });

  it("refuses a tag that is no text", async () => {
    const { cache, trips } = await setUp();
    await expect(cache.set("k", "v", { tags: [""] })).rejects.toThrow(OptionError);
    await expect(cache.getOrSet("k", () => "v", { tags: [7 as never] })).rejects.toThrow(OptionError);
    await expect(cache.invalidateTags([""])).rejects.toThrow(OptionError);
    expect(trips).toEqual([]);
  });
});
