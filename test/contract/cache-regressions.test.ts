import { describe, expect, it } from "vitest";
import { type CacheOptions, createCache } from "../../src/core/patterns/cache/index.ts";
import { ConnectionError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { gate } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

// Defects that other caches were found to have, each by the library and the scenario that showed it.
onEveryBackend("the cache does not have", (backend) => {
  let serial = 0;
  const options = <T>(more: Partial<CacheOptions<T>> = {}): CacheOptions<T> => {
    serial += 1;
    return { prefix: `${backend.prefix}:r${serial}`, ttl: 60_000, timeout: 10_000, ...more };
  };
  const twins = async <T>(settings = options<T>()) => {
    const [one, two] = await Promise.all([backend.connect(), backend.connect()]);
    return { one: createCache<T>(one, settings), two: createCache<T>(two, settings), redis: one, settings };
  };

  it.each([0, false, "", null])("R1, cacheable 2.5: %j in Redis is computed again", async (value) => {
    const { one, two } = await twins<unknown>();
    await one.set("k", value);
    let loads = 0;
    expect(await two.getOrSet("k", () => ++loads)).toBe(value);
    expect(loads).toBe(0);
  });

  it("R2, bentocache: a tag that is invalidated while the factory runs is forgotten", async () => {
    const { one, two } = await twins<string>();
    await one.getOrSet(
      "k",
      async () => {
        await two.invalidateTags(["t"]);
        return "old";
      },
      { tags: ["t"] },
    );
    expect(await two.get("k")).toBeUndefined();
    expect(await one.getOrSet("k", () => "new", { tags: ["t"] })).toBe("new");
  });

  it("R3, bentocache: a factory that fails runs several times at once", async () => {
    const { one } = await twins<string>();
    const scope = {};
    let running = 0;
    let most = 0;
    const failing = async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(50);
      running -= 1;
      throw new Error("origin down");
    };
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i += 1) {
      calls.push(one.getOrSet("k", failing, { scope }).catch(() => {}));
      await sleep(13);
    }
    await Promise.all(calls);
    expect(most).toBe(1);
  });

  it("R4, bentocache, cacheable, cachified, async-cache-dedupe: a key that is deleted while the factory runs comes back", async () => {
    const { one, two } = await twins<string>();
    const [started, finish] = [gate(), gate<string>()];
    const load = one.getOrSet("k", () => {
      started.open();
      return finish.opened;
    });
    await started.opened;
    await two.delete("k");
    finish.open("old");
    await load;
    expect(await two.get("k")).toBeUndefined();
  });

  it("R6, cacheable: a tag that is invalidated while loading is served as fresh", async () => {
    const { one, two } = await twins<string>();
    await two.set("other", "v", { tags: ["t"] });
    await one.getOrSet(
      "k",
      async () => {
        await two.invalidateTags(["t"]);
        // The tag is in use again before the value is written.
        await two.set("other", "w", { tags: ["t"] });
        return "old";
      },
      { tags: ["t"] },
    );
    expect(await two.getMany(["k", "other"])).toEqual([undefined, "w"]);
  });

  it("R7, bentocache: what was invalidated comes back when the tag is evicted", async () => {
    const { one, two, redis, settings } = await twins<string>();
    await one.set("k", "old", { tags: ["t"] });
    await one.invalidateTags(["t"]);
    await redis.send(["DEL", `cache:${settings.prefix}:{t}:tag`]);
    expect(await two.get("k")).toBeUndefined();
  });

  it("R8, @unkey/cache: a store that throws keeps the origin from being asked", async () => {
    const down = () => Promise.reject(new ConnectionError("down", false));
    const cache = createCache<string>({ send: down, pipeline: down }, options());
    expect(await cache.getOrSet("k", () => "origin")).toBe("origin");
    expect(await cache.get("k")).toBeUndefined();
  });

  it("R9, async-cache-dedupe: a tag ends before the entries that have it", async () => {
    const { one, redis, settings } = await twins<string>();
    await one.set("k", "v", { tags: ["t"], ttl: 3_600_000 });
    expect(integer(await redis.send(["PTTL", `cache:${settings.prefix}:{t}:tag`]))).toBeGreaterThan(3_500_000);
    await one.invalidateTags(["t"]);
    expect(await one.get("k")).toBeUndefined();
  });

  it("R10, layered-loader: a null comes back as an empty text", async () => {
    const { one, two } = await twins<string | null>();
    await one.getOrSet("k", () => null);
    expect(await two.getOrSet("k", () => "loaded")).toBeNull();
  });

  it("R11, cachified: a store whose cleanup throws, too, makes the call reject", async () => {
    const redis = await backend.connect();
    let broken = false;
    const down: Redis["send"] = () => Promise.reject(new ConnectionError("down", false));
    const port: Redis = { ...redis, send: (command, given) => (broken ? down : redis.send)(command, given) };
    const cache = createCache<string>(port, options());
    await expect(
      cache.getOrSet("k", () => {
        broken = true;
        return "origin";
      }),
    ).resolves.toBe("origin");
  });

  it("R12, bentocache, cacheable: each of 10 instances calls the origin for a cold key", async () => {
    const settings = options<string>();
    const caches = await Promise.all(
      Array.from({ length: 10 }, async () => createCache<string>(await backend.connect(), settings)),
    );
    let loads = 0;
    const load = async () => {
      loads += 1;
      await sleep(60);
      return "v";
    };
    await Promise.all(caches.flatMap((cache) => Array.from({ length: 20 }, () => cache.getOrSet("k", load))));
    expect(loads).toBe(1);
  });

  it("R17, cache-manager with nonBlocking: a key that is only in Redis is not found", async () => {
    const { one, two } = await twins<string>();
    await one.set("k", "v");
    expect(await two.get("k")).toBe("v");
  });

  describe("what threads tell of others", () => {
    it("FusionCache #628: a tag that is invalidated during a refresh is forgotten", async () => {
      const { one, two, redis, settings } = await twins<string>(options({ staleWhileRevalidate: 30_000 }));
      await one.set("k", "old", { tags: ["t"] });
      await redis.send(["PEXPIRE", `cache:${settings.prefix}:{k}`, 20_000]);
      const stale = await one.resolve(
        "k",
        async () => {
          await two.invalidateTags(["t"]);
          return "older than the invalidation";
        },
        { tags: ["t"] },
      );
      expect(stale).toMatchObject({ value: "old", source: "stale" });
      await stale.pending;
      expect(await two.get("k")).toBeUndefined();
    });

    it("async-cache-dedupe: 0 and the empty text as keys or values mean everything", async () => {
      const { one } = await twins<number>();
      await one.set("0", 0);
      await one.set("1", 1);
      await one.delete("0");
      await one.invalidateTags([]);
      expect(await one.get("1")).toBe(1);
    });

    it("nuxt #32717, nitro #2164: entries without a TTL grow for ever", async () => {
      const { one, redis, settings } = await twins<string>(
        options({ staleWhileRevalidate: 1_000, staleIfError: 1_000 }),
      );
      await one.getOrSet("k", () => "v", { tags: ["t"] });
      for (const key of [`cache:${settings.prefix}:{k}`, `cache:${settings.prefix}:{t}:tag`]) {
        expect(integer(await redis.send(["PTTL", key]))).toBeGreaterThan(0);
      }
    });
  });
});
