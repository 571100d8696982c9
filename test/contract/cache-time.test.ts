import { describe, expect, it } from "vitest";
import { type CacheOptions, createCache } from "../../src/core/patterns/cache/index.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { integer } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { counted, gate, until } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("the cache's times", (backend) => {
  let serial = 0;
  const setUp = async (more: Partial<CacheOptions<string | null>> = {}) => {
    serial += 1;
    const prefix = `${backend.prefix}:t${serial}`;
    const redis = await backend.connect();
    const events: PatternEvent[] = [];
    const { port, trips } = counted(redis);
    const cache = createCache<string | null>(port, {
      prefix,
      ttl: 60_000,
      timeout: 10_000,
      jitter: 0,
      onEvent: (event) => events.push(event),
      ...more,
    });
    // Freshness is what remains of the TTL in Redis: the server's clock is moved, not slept through.
    const leave = (id: string, ms: number) => redis.send(["PEXPIRE", `cache:${prefix}:{${id}}`, ms]);
    const left = async (id: string) => integer(await redis.send(["PTTL", `cache:${prefix}:{${id}}`]));
    return { cache, events, trips, leave, left };
  };
  const stale = { staleWhileRevalidate: 10_000, staleIfError: 20_000 };

  it("keeps a value for the sum of its times", async () => {
    const { cache, left } = await setUp(stale);
    await cache.getOrSet("loaded", () => "v");
    await cache.set("set", "v");
    for (const id of ["loaded", "set"]) {
      expect(await left(id)).toBeGreaterThan(80_000);
      expect(await left(id)).toBeLessThanOrEqual(90_000);
    }
  });

  it("shortens the time of freshness at random, by `jitter` at most", async () => {
    const { cache, left } = await setUp({ jitter: 0.5 });
    const ids = Array.from({ length: 30 }, (_, i) => `k${i}`);
    await cache.setMany(ids.map((id) => [id, "v"] as const));
    const lefts = await Promise.all(ids.map(left));
    expect(Math.min(...lefts)).toBeGreaterThan(20_000);
    expect(Math.max(...lefts)).toBeLessThanOrEqual(60_000);
    expect(Math.max(...lefts) - Math.min(...lefts)).toBeGreaterThan(3_000);
  });

  it("keeps what is not there for `negativeTtl`, and never serves it stale", async () => {
    const { cache, left } = await setUp({ negativeTtl: 5_000, ...stale });
    await cache.getOrSet("none", () => null);
    expect(await left("none")).toBeLessThanOrEqual(5_000);
    await cache.getOrSet("some", () => "v");
    expect(await left("some")).toBeGreaterThan(80_000);
  });

  describe.each(["get", "script"] as const)("read by %s", (readBy) => {
    it("serves a stale value at once and loads it anew in the background", async () => {
      const { cache, events, leave } = await setUp({ ...stale, readBy });
      await cache.getOrSet("k", () => "old");
      await leave("k", 25_000);
      const finish = gate<string>();
      let loads = 0;
      const load = () => {
        loads += 1;
        return finish.opened;
      };
      const answers = await Promise.all([1, 2, 3].map(() => cache.resolve("k", load)));
      for (const answer of answers) expect(answer).toMatchObject({ value: "old", source: "stale", degraded: false });
      await until(() => loads > 0);
      finish.open("new");
      await Promise.all(answers.map(({ pending }) => pending));
      expect(loads).toBe(1);
      expect(await cache.resolve("k", load)).toMatchObject({ value: "new", source: "hit" });
      expect(events.some(({ type }) => type === "stale")).toBe(true);
    });

    it("waits for the load after that, and serves the stale value only if the load fails", async () => {
      const { cache, leave } = await setUp({ ...stale, readBy });
      await cache.getOrSet("k", () => "old");
      await leave("k", 15_000);
      const failed = await cache.resolve("k", () => Promise.reject(new Error("origin down")));
      expect(failed).toMatchObject({ value: "old", source: "stale", degraded: true });
      expect(await cache.resolve("k", () => "new")).toMatchObject({ value: "new", source: "load", degraded: false });
    });

    it("serves the stale value after `softTimeout`, and the load goes on", async () => {
      const { cache, leave } = await setUp({ ...stale, readBy, softTimeout: 30 });
      await cache.getOrSet("k", () => "old");
      await leave("k", 15_000);
      const finish = gate<string>();
      const answer = await cache.resolve("k", () => finish.opened);
      expect(answer).toMatchObject({ value: "old", source: "stale", degraded: true });
      finish.open("new");
      await answer.pending;
      expect(await cache.get("k")).toBe("new");
    });

    it("waits beyond `softTimeout` where there is nothing stale", async () => {
      const { cache } = await setUp({ readBy, softTimeout: 10 });
      const slow = async () => {
        await sleep(60);
        return "v";
      };
      expect(await cache.resolve("k", slow)).toMatchObject({ value: "v", source: "load" });
    });

    it("refreshes early by chance, in proportion to the time that the load took", async () => {
      const { cache, leave } = await setUp({ readBy, earlyRefresh: 50, ttl: 86_400_000 });
      const slow = async () => {
        await sleep(30);
        return "old";
      };
      await cache.getOrSet("k", slow);
      let loads = 0;
      const load = () => {
        loads += 1;
        return "new";
      };
      // 30 ms * 50 is 1.5 s in the mean. A day before the end an early refresh has no chance, even if the load took a minute.
      for (let i = 0; i < 10; i += 1) expect((await cache.resolve("k", load)).pending).toBeUndefined();
      await leave("k", 400);
      await until(async () => {
        const { source, pending } = await cache.resolve("k", load);
        await pending;
        return source === "load" || loads > 0;
      });
      expect(loads).toBe(1);
      expect(await cache.get("k")).toBe("new");
    });

    it("lets one of two instances refresh", async () => {
      const { cache, leave } = await setUp({ ...stale, readBy });
      const twin = createCache<string | null>(await backend.connect(), {
        prefix: `${backend.prefix}:t${serial}`,
        ttl: 60_000,
        timeout: 10_000,
        readBy,
        ...stale,
      });
      await cache.getOrSet("k", () => "old");
      await leave("k", 25_000);
      const finish = gate<string>();
      let loads = 0;
      const load = () => {
        loads += 1;
        return finish.opened;
      };
      const first = await cache.resolve("k", load);
      await until(() => loads === 1);
      const second = await twin.resolve("k", load);
      expect([first.value, second.value]).toEqual(["old", "old"]);
      await second.pending;
      finish.open("new");
      await first.pending;
      expect(loads).toBe(1);
      expect(await twin.get("k")).toBe("new");
    });

    it("does not bring back what was deleted during a refresh", async () => {
      const { cache, leave } = await setUp({ ...stale, readBy });
      await cache.getOrSet("k", () => "old");
      await leave("k", 25_000);
      const [started, finish] = [gate(), gate<string>()];
      const answer = await cache.resolve("k", () => {
        started.open();
        return finish.opened;
      });
      await started.opened;
      await cache.delete("k");
      finish.open("old");
      await answer.pending;
      expect(await cache.get("k")).toBeUndefined();
    });
  });

  it("gives `get` what may be served at once", async () => {
    const { cache, leave } = await setUp(stale);
    await cache.set("k", "v");
    await leave("k", 25_000);
    expect(await cache.get("k")).toBe("v");
    await leave("k", 15_000);
    expect(await cache.get("k")).toBeUndefined();
  });

  it("passes what goes on in the background to `waitUntil`", async () => {
    const { cache, leave } = await setUp(stale);
    await cache.getOrSet("k", () => "old");
    await leave("k", 25_000);
    const works: Promise<unknown>[] = [];
    await cache.getOrSet("k", () => "new", { waitUntil: (work) => void works.push(work) });
    expect(works).toHaveLength(1);
    await works[0];
    expect(await cache.get("k")).toBe("new");
  });

  it("reads freshness in the same trip, and not at all where nothing can be stale", async () => {
    const timed = await setUp({ ...stale, readBy: "get" });
    await timed.cache.getOrSet("k", () => "v");
    await timed.cache.getOrSet("k", () => "v");
    timed.trips.length = 0;
    await timed.cache.getOrSet("k", () => "v");
    expect(timed.trips).toEqual(["GET+PTTL"]);
  });

  it("asks once more for an entry that another configuration wrote with stale time", async () => {
    const writer = await setUp(stale);
    await writer.cache.set("k", "v");
    const { port, trips } = counted(await backend.connect());
    const reader = createCache<string>(port, { prefix: `${backend.prefix}:t${serial}`, ttl: 60_000, timeout: 10_000 });
    expect(await reader.get("k")).toBe("v");
    expect(trips).toEqual(["GET", "PTTL"]);
    await writer.leave("k", 15_000);
    expect(await reader.get("k")).toBeUndefined();
  });
});
