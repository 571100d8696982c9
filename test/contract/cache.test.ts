import { describe, expect, it } from "vitest";
import {
  type Cache,
  type CacheOptions,
  createCache,
  deflate,
  getOrSetMany,
  LoadFailedError,
} from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { counted, gate, heldLoad, until } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("the cache", (backend) => {
  let serial = 0;
  const open = async <T>(options: Partial<CacheOptions<T>> = {}) => {
    serial += 1;
    const prefix = `${backend.prefix}:c${serial}`;
    return createCache<T>(await backend.connect(), { prefix, ttl: 60_000, timeout: 10_000, ...options });
  };

  describe("values", () => {
    it.each([null, 0, "", false, "123", "null", '{"a":1}', [], { a: { b: "ü\u0000€😀" } }, -1.5, undefined])(
      "keeps %j and does not load it again",
      async (value) => {
        const cache = await open<unknown>();
        let loads = 0;
        const load = () => {
          loads += 1;
          return value;
        };
        expect(await cache.getOrSet("k", load)).toEqual(value);
        expect(await cache.getOrSet("k", load)).toEqual(value);
        expect(await cache.getOrSet("k", load)).toEqual(value);
        expect(await cache.get("k")).toEqual(value);
        expect(loads).toBe(1);
      },
    );

    it("tells a miss from a null", async () => {
      const cache = await open<string | null>();
      await cache.set("null", null);
      expect(await cache.get("null")).toBeNull();
      expect(await cache.get("none")).toBeUndefined();
    });

    it("keeps ids apart whatever they contain", async () => {
      const cache = await open<string>();
      const ids = ["a:b", "{x}", "*", "ü", "%7Bx%7D", "x:lease", " ", "a".repeat(10_000)];
      for (const id of ids) await cache.set(id, `of ${id}`);
      expect(await cache.getMany(ids)).toEqual(ids.map((id) => `of ${id}`));
    });

    it("refuses what is not JSON, before anything is sent", async () => {
      const { port, trips } = counted(await backend.connect());
      const cache = createCache(port, { prefix: `${backend.prefix}:refuse`, ttl: 60_000, timeout: 10_000 });
      await expect(cache.set("k", 1n)).rejects.toThrow(OptionError);
      await expect(cache.set("k", () => 1)).rejects.toThrow(OptionError);
      expect(trips).toEqual([]);
    });
  });

  describe("reads and writes", () => {
    it("sets, gets and deletes", async () => {
      const cache = await open<string>();
      await cache.set("k", "v");
      expect(await cache.get("k")).toBe("v");
      expect(await cache.delete("k")).toBe(true);
      expect(await cache.delete("k")).toBe(false);
      expect(await cache.get("k")).toBeUndefined();
    });

    it("gets many in their order, misses as undefined", async () => {
      const cache = await open<number>();
      await cache.set("a", 1);
      await cache.set("c", 0);
      expect(await cache.getMany(["a", "b", "c", "a"])).toEqual([1, undefined, 0, 1]);
      expect(await cache.getMany([])).toEqual([]);
    });

    it("lets a value expire, and gives every key a TTL", async () => {
      const cache = await open<string>({ ttl: 30, jitter: 0 });
      await cache.set("k", "v");
      await cache.getOrSet("l", () => "w");
      await cache.set("m", "x", { ttl: 60_000 });
      await sleep(60);
      expect(await cache.getMany(["k", "l", "m"])).toEqual([undefined, undefined, "x"]);
    });

    it("treats an entry of an unknown version as a miss and replaces it", async () => {
      const redis = await backend.connect();
      const cache = createCache<string>(redis, { prefix: `${backend.prefix}:v`, ttl: 60_000, timeout: 10_000 });
      for (const old of ["~2j,,,abc;1", '"plain"', "", "~1?,,,abc;1"]) {
        await redis.send(["SET", `cache:${backend.prefix}:v:{k}`, old, "PX", 60_000]);
        expect(await cache.get("k")).toBeUndefined();
        expect(await cache.getOrSet("k", () => "new")).toBe("new");
        expect(await cache.get("k")).toBe("new");
      }
    });
  });

  describe("one load for all", () => {
    it("shares a load among the callers of a process", async () => {
      const cache = await open<number>();
      const { opened, open: finish } = gate<number>();
      let loads = 0;
      const load = () => {
        loads += 1;
        return opened;
      };
      const calls = Array.from({ length: 50 }, () => cache.getOrSet("k", load));
      await sleep(20);
      calls.push(cache.getOrSet("k", load));
      finish(7);
      expect(await Promise.all(calls)).toEqual(calls.map(() => 7));
      expect(loads).toBe(1);
    });

    it("shares a load among connections, each with its own cache", async () => {
      const ports = await Promise.all(Array.from({ length: 5 }, () => backend.connect()));
      const caches = ports.map((port) =>
        createCache<number>(port, { prefix: `${backend.prefix}:many`, ttl: 60_000, timeout: 10_000 }),
      );
      let loads = 0;
      const load = async () => {
        loads += 1;
        await sleep(50);
        return loads;
      };
      const answers = caches.flatMap((cache) => Array.from({ length: 10 }, () => cache.getOrSet("k", load)));
      expect(await Promise.all(answers)).toEqual(answers.map(() => 1));
      expect(loads).toBe(1);
    });

    it.each([undefined, null, 0, ""])("rejects with whatever the loader rejects with: %j", async (reason) => {
      const cache = await open<number>({ staleIfError: 1_000, softTimeout: 1_000 });
      const call = cache.getOrSet("k", () => Promise.reject(reason));
      await expect(call.catch((error: unknown) => ({ error }))).resolves.toEqual({ error: reason });
    });

    it("lets a load take longer than a timer can count", async () => {
      const cache = await open<number>({ hardTimeout: 2 ** 31, softTimeout: 2 ** 31, timeout: 2 ** 31 });
      expect(await cache.getOrSet("k", () => sleep(5).then(() => 1))).toBe(1);
      expect((await cache.resolve("k", () => 2)).source).toBe("hit");
    });

    it("shares a failure with those who waited, and loads again for the next caller", async () => {
      const prefix = `${backend.prefix}:fail`;
      const { port, trips } = counted(await backend.connect());
      const [one, two] = [await backend.connect(), port].map((port) =>
        createCache<number>(port, { prefix, ttl: 60_000, timeout: 10_000 }),
      );
      const { load: failing, started, fail } = heldLoad<number>();
      // In a Worker only callers of one scope join; elsewhere all of the process do.
      const scope = {};
      const first = one?.getOrSet("k", failing, { scope });
      await started;
      const joined = one?.getOrSet("k", () => 1, { scope });
      const waiting = two?.getOrSet("k", () => 2);
      const outcomes = Promise.allSettled([first, joined, waiting]);
      // When it asks again it knows for whom it waits.
      await until(() => trips.filter((name) => name === "EVALSHA").length >= 2);
      fail(new Error("origin down"));
      const [a, b, c] = await outcomes;
      expect(a).toMatchObject({ status: "rejected", reason: { message: "origin down" } });
      expect(b).toMatchObject({ status: "rejected", reason: { message: "origin down" } });
      expect(c).toMatchObject({ status: "rejected", reason: expect.any(LoadFailedError) });
      expect(await two?.getOrSet("k", () => 3)).toBe(3);
    });

    it("does not keep a value whose key was deleted during the load", async () => {
      const cache = await open<string>();
      const { load, started, finish } = heldLoad<string>();
      const old = cache.getOrSet("k", load);
      await started;
      await cache.delete("k");
      const later = cache.getOrSet("k", () => "new");
      finish("old");
      expect(await old).toBe("old");
      expect(await later).toBe("new");
      expect(await cache.get("k")).toBe("new");
    });

    it("does not replace a value that was set during the load", async () => {
      const cache = await open<string>();
      const { load, started, finish } = heldLoad<string>();
      const old = cache.getOrSet("k", load);
      await started;
      await cache.set("k", "set");
      finish("loaded");
      await old;
      expect(await cache.get("k")).toBe("set");
    });

    it("loads for itself when it has waited long enough, and does not keep what it had no lease for", async () => {
      const prefix = `${backend.prefix}:patience`;
      const slow = createCache<string>(await backend.connect(), { prefix, ttl: 60_000, timeout: 10_000 });
      const eager = createCache<string>(await backend.connect(), {
        prefix,
        ttl: 60_000,
        timeout: 10_000,
        waitTimeout: 50,
      });
      const { load, started, finish } = heldLoad<string>();
      const first = slow.getOrSet("k", load);
      await started;
      expect(await eager.getOrSet("k", () => "own")).toBe("own");
      expect(await eager.get("k")).toBeUndefined();
      finish("first");
      await first;
      expect(await eager.get("k")).toBe("first");
    });
  });

  describe("cost", () => {
    // The server may not hold the scripts yet; that is paid once.
    const warm = async (more: Partial<CacheOptions<number>> = {}) => {
      serial += 1;
      const redis = await backend.connect();
      const { port, cost } = counted(redis);
      const cache = createCache<number>(port, {
        prefix: `${backend.prefix}:cost${serial}`,
        ttl: 60_000,
        timeout: 10_000,
        ...more,
      });
      await cache.getOrSet("warm", () => 1);
      await cache.set("warm", 1);
      await cache.delete("warm");
      return { cache, cost, distant: redis.distant === true };
    };

    it("takes 1 command for a hit and 2 for a miss", async () => {
      const { cache, cost, distant } = await warm();
      const read = (id: string) => cost(() => cache.getOrSet(id, () => 1));
      expect(await read("k")).toEqual({ trips: ["EVALSHA", "EVALSHA"], rounds: 2 });
      expect(await read("k")).toEqual({ trips: ["EVALSHA"], rounds: 1 });
      expect(await read("k")).toEqual({ trips: [distant ? "EVALSHA" : "GET"], rounds: 1 });
      expect((await cost(() => cache.set("m", 1))).trips).toEqual(["EVALSHA"]);
      expect((await cost(() => cache.delete("m"))).trips).toEqual(["EVALSHA"]);
      expect((await cost(() => cache.getMany(["k", "l", "m"]))).trips).toHaveLength(1);
    });

    it("takes 2 round trips at most for any miss over HTTP, and 3 over TCP", async () => {
      const { cache, cost, distant } = await warm();
      await cache.getOrSet("k", () => 1);
      await cache.getOrSet("k", () => 1);
      const trips = distant ? ["EVALSHA", "EVALSHA"] : ["GET", "EVALSHA", "EVALSHA"];
      expect(await cost(() => cache.getOrSet("l", () => 1))).toEqual({ trips, rounds: trips.length });
    });

    it("lets the server execute one plain GET for a hit, where it is told to", async () => {
      const { cache, cost } = await warm({ readBy: "get" });
      await cache.getOrSet("k", () => 1);
      await cache.getOrSet("k", () => 1);
      expect(await cost(() => cache.getOrSet("k", () => 1))).toEqual({ trips: ["GET"], rounds: 1 });
      // The Cluster is not ours alone: others' commands would be counted.
      if (backend.name.includes("Cluster")) return;
      expect(await backend.count(() => cache.getOrSet("k", () => 1))).toEqual({ get: 1 });
      expect(await backend.count(() => cache.get("k"))).toEqual({ get: 1 });
    });
  });

  describe("aborts", () => {
    it("sends nothing when the signal has aborted before", async () => {
      const { port, trips } = counted(await backend.connect());
      const cache = createCache<number>(port, { prefix: `${backend.prefix}:abort`, ttl: 60_000, timeout: 10_000 });
      const signal = AbortSignal.abort(new Error("left"));
      await expect(cache.getOrSet("k", () => 1, { signal })).rejects.toThrow("left");
      await expect(cache.get("k", { signal })).rejects.toThrow("left");
      await expect(cache.set("k", 1, { signal })).rejects.toThrow("left");
      await expect(cache.delete("k", { signal })).rejects.toThrow("left");
      expect(trips).toEqual([]);
    });

    it("rejects at once when it aborts during the load, and cancels the load when the last caller has left", async () => {
      const cache = await open<number>();
      const [one, two] = [new AbortController(), new AbortController()];
      const started = gate<AbortSignal>();
      const load = ({ signal }: { signal: AbortSignal }) => {
        started.open(signal);
        return new Promise<number>(() => {});
      };
      const scope = {};
      const first = cache.getOrSet("k", load, { signal: one.signal, scope });
      const loading = await started.opened;
      const second = cache.getOrSet("k", load, { signal: two.signal, scope });
      const refused = [first, second].map((call) => expect(call).rejects.toThrow("left"));
      await sleep(20);
      one.abort(new Error("left"));
      await refused[0];
      expect(loading.aborted).toBe(false);
      two.abort(new Error("left"));
      await refused[1];
      expect(loading.aborted).toBe(true);
      expect(await cache.getOrSet("k", () => 3)).toBe(3);
    });

    it.each([
      [
        "getOrSet",
        (cache: Cache<number>, load: () => Promise<never>, signal: AbortSignal) =>
          cache.getOrSet("k", load, { signal }),
      ],
      [
        "getOrSetMany",
        (cache: Cache<number>, load: () => Promise<never>, signal: AbortSignal) =>
          getOrSetMany(cache, ["k"], load, { signal }),
      ],
    ] as const)("leaves a cancelled %s to those who wait for it in other processes", async (name, call) => {
      const settings = { prefix: `${backend.prefix}:cancelled:${name}`, ttl: 60_000, timeout: 10_000 };
      const ours = createCache<number>(await backend.connect(), settings);
      const theirs = createCache<number>(await backend.connect(), settings);
      const controller = new AbortController();
      const started = gate();
      const load = () => {
        started.open();
        return new Promise<never>(() => {});
      };
      const outcome = call(ours, load, controller.signal).then(() => "answered", String);
      await started.opened;
      const waiting = theirs.getOrSet("k", () => 2);
      await sleep(100);
      controller.abort(new Error("left"));
      expect(await outcome).toContain("left");
      expect(await waiting).toBe(2);
    });

    it("changes nothing when it aborts after", async () => {
      const cache = await open<number>();
      const controller = new AbortController();
      expect(await cache.getOrSet("k", () => 1, { signal: controller.signal })).toBe(1);
      controller.abort();
      expect(await cache.get("k")).toBe(1);
    });
  });

  it("survives a server that has forgotten the scripts", async () => {
    const cache = await open<number>();
    expect(await cache.getOrSet("a", () => 1)).toBe(1);
    await Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));
    expect(await cache.getOrSet("b", () => 2)).toBe(2);
    await Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));
    expect(await cache.delete("b")).toBe(true);
  });

  it("reports what happened, and how long it took", async () => {
    const events: PatternEvent[] = [];
    const cache = await open<number>({ onEvent: (event) => events.push(event) });
    await cache.getOrSet("k", () => 1);
    await cache.getOrSet("k", () => 1);
    await expect(cache.getOrSet("l", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(events.map(({ type, id }) => `${type} ${id}`)).toEqual([
      "miss k",
      "load k",
      "hit k",
      "miss l",
      "load-error l",
    ]);
    expect(events.every(({ type, duration }) => type === "miss" || (duration ?? -1) >= 0)).toBe(true);
  });

  it("reports plain reads and batches, too", async () => {
    const events: string[] = [];
    const cache = await open<number>({ onEvent: ({ type, id }) => events.push(`${type} ${id}`) });
    await cache.set("a", 1);
    await cache.get("a");
    await cache.getMany(["a", "b"]);
    expect(events.splice(0)).toEqual(["hit a", "hit a", "miss b"]);
    await getOrSetMany(cache, ["a", "b"], () => new Map([["b", 2]]));
    expect(events.splice(0)).toEqual(["hit a", "miss b", "load b"]);
    await expect(getOrSetMany(cache, ["c"], () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(events).toEqual(["miss c", "load-error c"]);
  });

  it("refuses bad options and arguments, and sends nothing", async () => {
    const { port, trips } = counted(await backend.connect());
    const options = { prefix: backend.prefix, ttl: 1_000 };
    for (const bad of [
      { prefix: "" },
      { prefix: "a{b}" },
      { ttl: 0 },
      { ttl: Number.NaN },
      { ttl: Number.POSITIVE_INFINITY },
      { ttl: -1 },
      { timeout: 0 },
      { hardTimeout: 0 },
      { softTimeout: 0 },
      { softTimeout: Number.NaN },
      { negativeTtl: 0 },
      { waitTimeout: Number.NaN },
      { jitter: 1 },
      { jitter: -0.1 },
      { ttl: 1e20 },
      { breaker: { failures: 0 } },
      { breaker: { cooldown: 0 } },
      { codec: {} as never },
      { compression: deflate as never },
      { overflow: { put: async () => "" } as never },
      { schema: {} as never },
      { wake: {} as never },
      { format: "json" as never },
    ]) {
      expect(() => createCache(port, { ...options, ...bad })).toThrow(OptionError);
    }
    expect(() => createCache({} as Redis, options)).toThrow(OptionError);
    const cache = createCache<number>(port, options);
    await expect(cache.get("")).rejects.toThrow(OptionError);
    await expect(cache.set("", 1)).rejects.toThrow(OptionError);
    await expect(cache.set("k", 1, { ttl: 0 })).rejects.toThrow(OptionError);
    await expect(cache.delete("")).rejects.toThrow(OptionError);
    await expect(cache.getOrSet("", () => 1)).rejects.toThrow(OptionError);
    await expect(cache.getOrSet("k", "no function" as never)).rejects.toThrow(OptionError);
    await expect(cache.getOrSet("k", () => 1, { tags: "t" as never })).rejects.toThrow(OptionError);
    await expect(cache.invalidateTags("t" as never)).rejects.toThrow(OptionError);
    await expect(cache.getMany("k" as never)).rejects.toThrow(OptionError);
    await expect(cache.deleteMany("k" as never)).rejects.toThrow(OptionError);
    await expect(getOrSetMany(cache, "k" as never, () => new Map())).rejects.toThrow(OptionError);
    await expect(cache.getOrSet("x".repeat(20_000), () => 1)).rejects.toThrow(OptionError);
    expect(trips).toEqual([]);
  });
});
