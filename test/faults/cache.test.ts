import { expect, it, vi } from "vitest";
import { type CacheOptions, createCache, getOrSetMany } from "../../src/core/patterns/cache/index.ts";
import { ConnectionError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { counted, gate, intercepted, until } from "../fixtures/cache-tools.ts";
import type { CuttingProxy } from "../support/cutting-proxy.ts";
import { onStandaloneBackends, type StandaloneBackend } from "../support/backends.ts";
import { stopwatch } from "../support/stopwatch.ts";

const timeout = 200;
/** Longer than the deadline on a busy machine, and shorter than the two seconds of the adapter. */
const bound = 1_500;
const breaker = { failures: 3, cooldown: 300 };

/** Runs one call and tells how long it took beyond its loader. */
async function timed<T>(call: (load: () => Promise<string>) => Promise<T>) {
  let loading = 0;
  let loads = 0;
  const elapsed = stopwatch();
  const answer = await call(async () => {
    const begin = performance.now();
    loads += 1;
    await sleep(20);
    loading += performance.now() - begin;
    return "loaded";
  });
  return { answer, loads, beyond: elapsed() - loading };
}

onStandaloneBackends("the cache without Redis", (backend) => {
  let serial = 0;
  const options = (more: Partial<CacheOptions<string>> = {}): CacheOptions<string> => {
    serial += 1;
    return { prefix: `${backend.prefix}:d${serial}`, ttl: 60_000, timeout, breaker, ...more };
  };

  const outages: [string, (backend: StandaloneBackend, proxy: CuttingProxy) => Outage][] = [
    [
      "swallowed by the network",
      (_, proxy) => ({
        begin: async () => proxy.blackHole(true),
        async end() {
          proxy.blackHole(false);
          // What was swallowed is lost for good; such a connection ends once the network is back.
          proxy.cutReplies();
        },
      }),
    ],
    ["paused", ({ server }) => ({ begin: async () => server.pause(), end: async () => server.resume() })],
    ["refused", ({ server }) => ({ begin: () => server.kill(), end: () => server.restart() })],
  ];

  // Each backend sees each outage in `npm run test:long`, and one of them in `npm test`.
  const ways = outages.flatMap(([name, outageOf]) =>
    (["get", "script"] as const).map((readBy) => [name, readBy, outageOf] as const),
  );
  it.each(backend.share(ways))(
    "%s: answers within the loader's time and the deadline, then within the loader's time, and comes back (read by %s)",
    async (_, readBy, outageOf) => {
      const { redis, proxy } = await backend.connectThroughProxy();
      const outage = outageOf(backend, proxy);
      const errors: unknown[] = [];
      const settings = options({ readBy, onError: (error) => errors.push(error) });
      // A busy machine may need longer than the deadline that is tested.
      await createCache<string>(redis, { ...settings, timeout: 10_000 }).set("k", "kept");
      const { port, trips } = counted(redis);
      // One does not try again before the end of the test, so that its trips can be counted, and one does.
      const cache = createCache<string>(port, { ...settings, breaker: { ...breaker, cooldown: 600_000 } });
      const returning = createCache<string>(redis, settings);
      for (const one of [cache, returning])
        await until(async () => (await one.resolve("k", () => "kept")).source === "hit");
      await outage.begin();
      try {
        for (let i = 0; i < breaker.failures; i += 1) {
          const [{ answer, loads, beyond }] = await Promise.all([
            timed((load) => cache.resolve(`cold${i}`, load)),
            returning.resolve(`cool${i}`, () => "loaded"),
          ]);
          expect(answer).toMatchObject({ value: "loaded", source: "load", degraded: true });
          expect(loads).toBe(1);
          expect(beyond).toBeLessThan(bound);
        }
        trips.length = 0;
        for (let i = 0; i < 6; i += 1)
          expect(await cache.resolve("k", () => "loaded")).toMatchObject({ value: "loaded", degraded: true });
        expect(trips).toEqual([]);
        expect(errors.length).toBeGreaterThan(0);
      } finally {
        await outage.end();
      }
      await until(async () => (await returning.resolve("k", () => "kept")).source === "hit");
    },
  );

  it("counts a hit that comes too late as one failure, however it ends", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const errors: unknown[] = [];
    const cache = createCache<string>(redis, options({ readBy: "get", onError: (error) => errors.push(error) }));
    await until(async () => {
      const { source, pending } = await cache.resolve("k", () => "kept");
      await pending;
      return source === "hit";
    });
    errors.length = 0;
    proxy.blackHole(true);
    expect(await cache.resolve("k", () => "loaded")).toMatchObject({ value: "loaded", degraded: true });
    proxy.blackHole(false);
    proxy.reset();
    await until(() => redis.send(["PING"]).then(Boolean, () => false));
    expect(errors).toHaveLength(1);
  });

  it("loads once for the callers of one process while Redis does not answer", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const cache = createCache<string>(redis, options());
    await cache.getOrSet("warm", () => "v");
    proxy.blackHole(true);
    const { answer, loads } = await timed((load) =>
      Promise.all(Array.from({ length: 50 }, () => cache.getOrSet("k", load))),
    );
    expect(answer).toEqual(answer.map(() => "loaded"));
    expect(loads).toBe(1);
    proxy.blackHole(false);
  });

  it("runs no more than `degradedLoads` at once while Redis does not answer", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const cache = createCache<number>(redis, { ...options(), schema: undefined, degradedLoads: 4 });
    proxy.blackHole(true);
    let running = 0;
    let most = 0;
    const load = async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(5);
      running -= 1;
      return 1;
    };
    await Promise.all(Array.from({ length: 40 }, (_, i) => cache.getOrSet(`k${i}`, load)));
    expect(most).toBe(4);
    proxy.blackHole(false);
  });

  it("rejects instead, where the cache is told to", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const cache = createCache<string>(redis, options({ onUnavailable: "throw" }));
    await vi.waitFor(() => cache.set("k", "v"));
    proxy.blackHole(true);
    await expect(cache.getOrSet("k", () => "loaded")).rejects.toThrow(ConnectionError);
    await expect(cache.get("k")).rejects.toThrow(ConnectionError);
    // The breaker opens after three; what does not go to Redis then is rejected all the same.
    for (let i = 0; i < 4; i += 1) {
      await expect(cache.getOrSet("k", () => "loaded")).rejects.toThrow(ConnectionError);
      await expect(getOrSetMany(cache, ["k"], () => new Map([["k", "loaded"]]))).rejects.toThrow(ConnectionError);
      await expect(cache.get("k")).rejects.toThrow(ConnectionError);
    }
    proxy.blackHole(false);
    await vi.waitFor(async () => expect(await cache.getOrSet("k", () => "loaded")).toBe("v"), { timeout: 5_000 });
  });

  it("tells whoever writes or invalidates, within the deadline", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const cache = createCache<string>(redis, options());
    await vi.waitFor(() => cache.set("k", "v", { tags: ["t"] }));
    proxy.blackHole(true);
    const { beyond } = await timed(() =>
      Promise.all([
        expect(cache.set("k", "w")).rejects.toThrow(ConnectionError),
        expect(cache.delete("k")).rejects.toThrow(ConnectionError),
        expect(cache.invalidateTags(["t"])).rejects.toThrow(ConnectionError),
      ]),
    );
    expect(beyond).toBeLessThan(bound);
    expect(await cache.get("k")).toBeUndefined();
    proxy.blackHole(false);
  });

  it("returns the loaded value when Redis goes away during the load", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const cache = createCache<string>(redis, options());
    await cache.getOrSet("warm", () => "v");
    const { answer, beyond } = await timed((load) =>
      cache.resolve("k", async () => {
        proxy.blackHole(true);
        return load();
      }),
    );
    expect(answer).toMatchObject({ value: "loaded", degraded: true });
    expect(beyond).toBeLessThan(bound);
    proxy.blackHole(false);
  });

  it("gives back a lease of which it never heard", async () => {
    const { redis } = await backend.connectThroughProxy();
    const settings = options();
    // The claim is executed, and its answer is lost.
    const port: Redis = intercepted(redis, async (_, send) => {
      await send();
      throw new TimeoutError(timeout);
    });
    const slow = createCache<string>(port, settings);
    const fast = createCache<string>(await backend.connect(), { ...settings, timeout: 10_000 });
    await fast.getOrSet("warm", () => "v");
    const { degraded, pending } = await slow.resolve("k", () => "own");
    expect(degraded).toBe(true);
    await pending;
    // With the lease still there it would wait for `waitTimeout` and keep nothing.
    expect(await fast.getOrSet("k", () => "v")).toBe("v");
    expect(await fast.get("k")).toBe("v");
  });

  it("gives back the leases of many keys of which it never heard", async () => {
    const { redis } = await backend.connectThroughProxy();
    const settings = options();
    // The claims are executed, and their answer is lost; that a script is not there yet is no such answer.
    const port: Redis = intercepted(redis, async (_, send) => {
      const reply = await send();
      if (Array.isArray(reply) && reply.some((one) => one instanceof ReplyError)) return reply;
      throw new TimeoutError(timeout);
    });
    const slow = createCache<string>(port, settings);
    const fast = createCache<string>(await backend.connect(), { ...settings, timeout: 10_000 });
    await fast.getOrSet("warm", () => "v");
    const works: Promise<unknown>[] = [];
    const waitUntil = (work: Promise<unknown>) => void works.push(work);
    const ids = ["a", "b"];
    const loadAs = (value: string) => (ids: readonly string[]) => new Map(ids.map((id) => [id, value]));
    expect(await getOrSetMany(slow, ids, loadAs("own"), { waitUntil })).toEqual(["own", "own"]);
    await Promise.all(works);
    // With the leases still there it would wait for `waitTimeout` and keep nothing.
    expect(await getOrSetMany(fast, ids, loadAs("v"))).toEqual(["v", "v"]);
    expect(await fast.getMany(ids)).toEqual(["v", "v"]);
  });

  it.each(["getOrSet", "set", "delete", "invalidateTags"] as const)(
    "applies %s once when its reply is lost and the client sends it again",
    async (name) => {
      const { redis, proxy } = await backend.connectThroughProxy();
      const cache = createCache<string>(redis, options({ timeout: 2_000 }));
      const tags = ["t"];
      await cache.getOrSet("warm", () => "v", { tags });
      await cache.set("k", "old", { tags });
      await cache.delete("warm");
      let loads = 0;
      const calls = {
        getOrSet: () =>
          cache.getOrSet("new", async () => {
            loads += 1;
            proxy.cutReplies();
            return "new";
          }),
        set: () => (proxy.cutReplies(), cache.set("k", "new", { tags: [] })),
        delete: () => (proxy.cutReplies(), cache.delete("k")),
        invalidateTags: () => (proxy.cutReplies(), cache.invalidateTags(tags)),
      };
      const counts = await backend.count(calls[name]);
      expect(proxy.cuts).toBe(1);
      expect(Math.max(...Object.values(counts))).toBeGreaterThanOrEqual(2);
      if (name === "getOrSet") expect([loads, await cache.get("new")]).toEqual([1, "new"]);
      else expect(await cache.get("k")).toBe(name === "set" ? "new" : undefined);
    },
  );

  it("keeps a load's value out even if the write's reply is lost and the key is deleted meanwhile", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const settings = options({ timeout: 2_000 });
    const cache = createCache<string>(redis, settings);
    const other = createCache<string>(await backend.connect(), settings);
    await cache.getOrSet("warm", () => "v");
    const [started, finish] = [gate(), gate<string>()];
    const call = cache.getOrSet("k", () => {
      started.open();
      return finish.opened;
    });
    await started.opened;
    await other.delete("k");
    proxy.cutReplies();
    finish.open("old");
    expect(await call).toBe("old");
    expect(await other.get("k")).toBeUndefined();
  });
});

interface Outage {
  begin(): Promise<void>;
  end(): Promise<void>;
}
