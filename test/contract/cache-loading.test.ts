import { describe, expect, it } from "vitest";
import {
  type Cache,
  type CacheOptions,
  createCache,
  getOrSetMany,
  type Load,
  memoize,
} from "../../src/core/patterns/cache/index.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { integer } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { counted, gate, heldLoad, until } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("loads of the cache", (backend) => {
  let serial = 0;

  /** Several instances of one cache, as processes have them, and what they report. */
  const setUp = async (more: Partial<CacheOptions> = {}) => {
    serial += 1;
    const events: PatternEvent[] = [];
    const onEvent = (event: PatternEvent) => void events.push(event);
    const settings = { prefix: `${backend.prefix}:o${serial}`, ttl: 60_000, timeout: 10_000, onEvent, ...more };
    const redis = await backend.connect();
    const { port, trips } = counted(redis);
    const open = async (given: Partial<CacheOptions> = {}) =>
      createCache(await backend.connect(), { ...settings, ...given });
    const keyWith = async (end: string) =>
      (await backend.keys()).find((key) => key.includes(settings.prefix) && key.endsWith(end)) ?? "none";
    const leaseOf = (id: string) => keyWith(`{${id}}:lease`);
    /** Leaves this much of the TTL of a lease, as if the server's clock had gone on. */
    const leave = async (id: string, ms: number) => redis.send(["PEXPIRE", await leaseOf(id), ms]);
    const left = async (key: string) => integer(await redis.send(["PTTL", key]));
    const cache = createCache(port, settings);
    return { cache, open, events, trips, leave, left, leaseOf, keyWith, redis };
  };

  /** Loaders that say how many of them run, and end together. */
  const together = () => {
    const finish = gate<unknown>();
    const running: number[] = [];
    const load = async () => {
      running.push(running.length);
      return finish.opened;
    };
    return { load, running, finish: finish.open };
  };

  describe("of a value that cannot be kept", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const throwing = {
      name: "none",
      encode: () => {
        throw new Error("no codec for this");
      },
      decode: JSON.parse,
    };
    const full = { put: () => Promise.reject(new Error("bucket full")), get: async () => null };
    const cases: [string, unknown, Partial<CacheOptions>][] = [
      ["is larger than `maxBytes`", "x".repeat(200), { maxBytes: 100 }],
      ["is a BigInt", 1n, {}],
      ["is a cycle", cycle, {}],
      ["is a function", () => 1, {}],
      ["is refused by the codec", new Map(), { codec: throwing }],
      ["is refused by the overflow", "x".repeat(200), { maxBytes: 100, overflow: full }],
    ];
    it.each(cases)("run side by side where it %s, and an event says why", async (_, value, more) => {
      const { cache, open, events } = await setUp(more);
      const first = heldLoad<unknown>();
      const loading = cache.getOrSet("k", first.load);
      await first.started;
      const others = await Promise.all([1, 2, 3, 4].map(() => open()));
      const { load, running, finish } = together();
      const waiting = others.map((other) => other.getOrSet("k", load));
      await sleep(50);
      expect(running).toHaveLength(0);
      first.finish(value);
      expect(await loading).toBe(value);
      // In turn, the second would begin when the first has ended.
      await until(() => running.length === 4);
      const newcomer = (await open()).getOrSet("k", load);
      const many = getOrSetMany(await open(), ["k", "other"], async (ids) => {
        const loaded = await load();
        return new Map(ids.map((id) => [id, loaded]));
      });
      await until(() => running.length === 6);
      finish(value);
      expect(await Promise.all([...waiting, newcomer])).toEqual([1, 2, 3, 4, 5].map(() => value));
      expect(await many).toEqual([value, value]);
      expect(events.filter(({ type, id }) => type === "error" && id === "k")).toHaveLength(1);
      const beside = events.filter(({ type }) => type === "not-kept");
      expect(beside.map(({ error }) => error)).toEqual(
        [1, 2, 3, 4, 5, 6].map(() => expect.objectContaining({ code: "NOT_KEPT" })),
      );
      // What is set is kept, and ends the mark.
      await cache.set("k", null);
      expect(await cache.peek("k")).toEqual({ value: null });
    });

    it("keep a value again when the mark is over", async () => {
      const { cache, open, left, leaseOf, redis } = await setUp({ maxBytes: 100 });
      await cache.getOrSet("k", () => "x".repeat(200));
      const mark = await leaseOf("k");
      expect(await left(mark)).toBeLessThanOrEqual(5_000);
      expect(await cache.getOrSet("k", () => "short")).toBe("short");
      expect(await cache.get("k")).toBeUndefined();
      await redis.send(["DEL", mark]);
      await (await open()).getOrSet("k", () => "short");
      expect(await cache.get("k")).toBe("short");
    });
  });

  it.each(backend.share(["delete", "invalidateTags"] as const))(
    "that are overtaken one after another by %s do not make the others wait in turn",
    async (how) => {
      const { open, events } = await setUp();
      const caches = await Promise.all([1, 2, 3, 4, 5, 6].map(() => open()));
      const loads: ReturnType<typeof gate<unknown>>[] = [];
      const load: Load<unknown> = () => {
        const held = gate<unknown>();
        loads.push(held);
        return held.opened;
      };
      const calls = caches.map((cache) => cache.getOrSet("k", load, { tags: ["t"] }));
      for (let overtaken = 0; overtaken < 2; overtaken += 1) {
        await until(() => loads.length > overtaken);
        // Each that waits has seen whose load it waits for.
        await sleep(300);
        expect(loads).toHaveLength(overtaken + 1);
        await (how === "delete" ? caches[0]?.delete("k") : caches[0]?.invalidateTags(["t"]));
        // A tag does not end a load: its value is not served.
        if (how === "invalidateTags") loads[overtaken]?.open("old");
      }
      await until(() => loads.length === 6);
      for (const held of loads) held.open("loaded");
      expect((await Promise.all(calls)).filter((value) => value === "loaded").length).toBeGreaterThanOrEqual(4);
      expect(events.filter(({ type }) => type === "not-kept").length).toBeGreaterThanOrEqual(3);
    },
  );

  describe("whose process is gone", () => {
    it.each([
      ["three seconds after the last renewal", 31_000 + 19_000 - 3_001],
      ["at once if the server's clock was set back", 31_000 + 19_000 + 60_000],
    ])("are taken over %s, and their late value is refused", async (_, rest) => {
      const { cache, open, events, leave } = await setUp();
      const dead = heldLoad<unknown>();
      const late = cache.getOrSet("k", dead.load);
      await dead.started;
      await leave("k", rest);
      const other = await open({ waitTimeout: 60_000 });
      expect(await other.getOrSet("k", () => "new")).toBe("new");
      dead.finish("old");
      expect(await late).toBe("old");
      expect(await other.get("k")).toBe("new");
      expect(events.filter(({ type }) => type === "refused")).toHaveLength(1);
    });

    it.each(backend.share([60_000, 1_000]))(
      "are waited for if they live, also by a cache with `hardTimeout` %i",
      async (hardTimeout) => {
        const { cache, open, leave } = await setUp();
        const alive = heldLoad<unknown>();
        const loading = cache.getOrSet("k", alive.load);
        await alive.started;
        await leave("k", 31_000 + 19_000 - 1_500);
        const { load, running } = together();
        const waiting = (await open({ hardTimeout })).getOrSet("k", load);
        await sleep(300);
        expect(running).toHaveLength(0);
        alive.finish("loaded");
        expect([await loading, await waiting]).toEqual(["loaded", "loaded"]);
      },
    );

    it.each(backend.share(["getOrSet", "getOrSetMany"] as const))(
      "would not renew their leases; %s does so once a second, in one trip, until it ends",
      async (name) => {
        const { cache, trips, leave, left, leaseOf } = await setUp();
        const ids = name === "getOrSet" ? ["a"] : ["a", "b", "c"];
        const held = heldLoad<ReadonlyMap<string, unknown>>();
        const one = async () => (await held.load()).get("a");
        const call = name === "getOrSet" ? cache.getOrSet("a", one) : getOrSetMany(cache, ids, held.load);
        await held.started;
        for (const id of ids) await leave(id, 40_000);
        trips.length = 0;
        const leases = await Promise.all(ids.map(leaseOf));
        await until(async () => (await Promise.all(leases.map(left))).every((rest) => rest > 45_000));
        expect(trips[0]).toBe(ids.map(() => "EVALSHA").join("+"));
        held.finish(new Map(ids.map((id) => [id, "v"])));
        await call;
        trips.length = 0;
        await sleep(1_200);
        expect(trips).toEqual([]);
      },
    );
  });

  it("ask for one key more on a miss, and for none more on a hit", async () => {
    const { cache } = await setUp({ readBy: "script" });
    await cache.getOrSet("warm", () => 1);
    const miss = await backend.count(() => cache.getOrSet("k", () => 1));
    // Entry, lease and what was given up; then the lease again for the write.
    expect(miss["get"]).toBe(4);
    const hit = await backend.count(() => cache.getOrSet("k", () => 1));
    expect(hit).toMatchObject({ get: 1 });
    expect(hit["pexpire"]).toBeUndefined();
  });

  describe("that fail", () => {
    const failures: [string, unknown, string | undefined][] = [
      ["a code", Object.assign(new Error("secret"), { code: "NOT_FOUND" }), "NOT_FOUND"],
      ["the code of a database", Object.assign(new Error("secret"), { code: "42P01" }), "42P01"],
      ["no code", new Error("secret"), undefined],
      ["a number", Object.assign(new Error("secret"), { code: 404 }), undefined],
      ["a sentence", Object.assign(new Error("secret"), { code: "no such user: 42" }), undefined],
      ["a long text", Object.assign(new Error("secret"), { code: "x".repeat(33) }), undefined],
      ["nothing at all", undefined, undefined],
      [
        "a getter that throws",
        {
          get code() {
            throw new Error("trap");
          },
        },
        undefined,
      ],
    ];
    it.each(failures)("tell those who waited what they may know: of %s", async (_, error, loaderCode) => {
      const { cache, open, leaseOf, redis } = await setUp();
      const first = heldLoad<unknown>();
      const loading = cache.getOrSet("k", first.load).catch((reason: unknown) => reason);
      await first.started;
      const waiting = (await open()).getOrSet("k", () => "own").catch((reason: unknown) => reason);
      await sleep(60);
      first.fail(error);
      expect(await loading).toBe(error);
      expect(await waiting).toMatchObject({ name: "LoadFailedError", loaderCode });
      expect(String(await redis.send(["GET", await leaseOf("k")]))).not.toContain("secret");
    });
  });

  describe("that say how long, and under which tags, their value is kept", () => {
    const ways: [string, (run: Run) => Promise<unknown>][] = [
      [
        "getOrSet",
        ({ cache, ttl, tags }) =>
          cache.getOrSet("k", async ({ setTtl, setTags }) => {
            if (ttl !== undefined) setTtl(ttl);
            if (tags) await setTags(tags);
            return "v";
          }),
      ],
      [
        "getOrSetMany",
        async ({ cache, ttl, tags }) => {
          const [value] = await getOrSetMany(cache, ["k", "other"], async (ids, { setTtl, setTags }) => {
            if (ttl !== undefined) setTtl("k", ttl);
            if (tags) await setTags("k", tags);
            return new Map(ids.map((id) => [id, "v"]));
          });
          return value;
        },
      ],
    ];
    interface Run {
      readonly cache: Cache<unknown>;
      readonly ttl?: number;
      readonly tags?: readonly string[];
    }

    it.each(ways)("in %s", async (_, load) => {
      const { cache, keyWith, left } = await setUp({ jitter: 0, negativeTtl: 1_000 });
      expect(await load({ cache, ttl: 3_600_000, tags: ["a", "b"] })).toBe("v");
      const rest = await left(await keyWith("{k}"));
      expect(rest).toBeGreaterThan(3_500_000);
      expect(rest).toBeLessThanOrEqual(3_600_000);
      expect(await cache.get("k", { tags: ["a", "b"] })).toBe("v");
      expect(await left(await keyWith("{a}:tag"))).toBeGreaterThan(rest);
      await cache.invalidateTags(["b"]);
      expect(await cache.get("k")).toBeUndefined();
    });

    const mistakes = [{ ttl: 0 }, { ttl: Number.NaN }, { ttl: Infinity }, { tags: [""] }, { tags: [7 as never] }];
    it.each(ways.flatMap(([name, load]) => mistakes.map((mistake) => [name, mistake, load] as const)))(
      "in %s, but not with %o: the caller gets the value, an event the mistake",
      async (_, mistake, load) => {
        const { cache, events } = await setUp();
        expect(await load({ cache, ...mistake })).toBe("v");
        expect(await cache.get("k")).toBeUndefined();
        const message = expect.stringContaining("ttl" in mistake ? "`ttl`" : "`tags`");
        const errors = events.filter(({ type }) => type === "error");
        expect(errors.map(({ error }) => error)).toEqual([expect.objectContaining({ code: "OPTION", message })]);
      },
    );

    it("for `null`, too, where there is a `negativeTtl`", async () => {
      const { cache, keyWith, left } = await setUp({ jitter: 0, negativeTtl: 1_000 });
      await cache.getOrSet("k", ({ setTtl }) => {
        setTtl(30_000);
        return null;
      });
      expect(await left(await keyWith("{k}"))).toBeGreaterThan(20_000);
    });

    it("by a function of the result, where a function is memoized", async () => {
      const { cache, keyWith, left } = await setUp({ jitter: 0 });
      const fn = memoize<unknown, [string]>(cache, (id) => id, { key: (id) => id, ttl: () => 3_600_000 });
      expect(await fn("k")).toBe("k");
      expect(await left(await keyWith("{k}"))).toBeGreaterThan(3_500_000);
    });

    it("and are not kept if such a tag is invalidated after it was set", async () => {
      const { cache, events } = await setUp();
      const value = await cache.getOrSet("k", async ({ setTags }) => {
        await setTags(["t"]);
        await cache.invalidateTags(["t"]);
        return "old";
      });
      expect(value).toBe("old");
      expect(await cache.get("k")).toBeUndefined();
      expect(events.some(({ type }) => type === "refused")).toBe(true);
    });

    it("and know nothing of an invalidation before such a tag was set", async () => {
      const { cache } = await setUp();
      await cache.getOrSet("k", async ({ setTags }) => {
        await cache.invalidateTags(["t"]);
        await setTags(["t"]);
        return "old";
      });
      expect(await cache.get("k")).toBe("old");
    });
  });

  describe("with options of the wrong shape", () => {
    it.each([7, null, "60s", true])("reject: %o", async (wrong) => {
      const { cache } = await setUp();
      const options = wrong as never;
      const refusal = { code: "OPTION", message: expect.stringContaining("`options`") };
      await expect(cache.getOrSet("k", () => 1, options)).rejects.toMatchObject(refusal);
      await expect(cache.resolve("k", () => 1, options)).rejects.toMatchObject(refusal);
      await expect(getOrSetMany(cache, ["k"], () => new Map(), options)).rejects.toMatchObject(refusal);
      expect(() => memoize(cache, () => 1, options)).toThrow(expect.objectContaining(refusal));
      await expect(cache.getOrSet("k", () => 1, 7 as never)).rejects.toThrow("{ ttl: minutes(5) }");
    });

    it.each([null, 0, -1, Number.NaN, "60s"])("reject a `ttl` of %o", async (wrong) => {
      const { cache } = await setUp();
      const ttl = wrong as never;
      const refusal = { code: "OPTION", message: expect.stringContaining("`ttl`") };
      await expect(cache.getOrSet("k", () => 1, { ttl })).rejects.toMatchObject(refusal);
      await expect(getOrSetMany(cache, ["k"], () => new Map(), { ttl })).rejects.toMatchObject(refusal);
      expect(() => memoize(cache, () => 1, { key: () => "k", ttl })).toThrow(expect.objectContaining(refusal));
    });
  });
});
