import { describe, expect, it } from "vitest";
import {
  createCache,
  invalidatePrefix,
  type LocalOptions,
  updateEntry,
  withLocal,
} from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { OnEvent } from "../../src/core/event.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { counted, gate } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("the cache's local tier", (backend) => {
  let serial = 0;
  const setUp = async (maxStaleness = 60_000, limits = {}, onEvent?: OnEvent) => {
    serial += 1;
    const { port, trips } = counted(await backend.connect());
    const cache = createCache<{ n: number }>(port, {
      prefix: `${backend.prefix}:q${serial}`,
      ttl: 60_000,
      timeout: 10_000,
      onEvent,
    });
    return { cache, trips, local: withLocal(cache, { maxStaleness, ...limits }) };
  };
  const load = () => ({ n: 1 });

  it("serves what was read from Redis without a command", async () => {
    const { local, trips } = await setUp();
    await local.getOrSet("k", load);
    await local.getOrSet("k", load);
    trips.length = 0;
    expect(await local.getOrSet("k", load)).toEqual({ n: 1 });
    expect(await local.resolve("k", load)).toEqual({ value: { n: 1 }, source: "hit", degraded: false });
    expect(trips).toEqual([]);
  });

  it("shares frozen values", async () => {
    const { local } = await setUp();
    await local.getOrSet("k", load);
    await local.getOrSet("k", load);
    const [one, two] = [await local.getOrSet("k", load), await local.getOrSet("k", load)];
    expect(one).toBe(two);
    expect(Object.isFrozen(one)).toBe(true);
  });

  it("serves nothing that is older than `maxStaleness`", async () => {
    const { local, cache } = await setUp(500);
    await local.getOrSet("k", load);
    await local.getOrSet("k", load);
    await cache.set("k", { n: 2 });
    expect(await local.getOrSet("k", load)).toEqual({ n: 1 });
    await sleep(510);
    expect(await local.getOrSet("k", load)).toEqual({ n: 2 });
  });

  it("is told by its own name", async () => {
    const events: string[] = [];
    const { local } = await setUp(60_000, {}, ({ type }) => events.push(type));
    await local.getOrSet("k", load);
    await local.getOrSet("k", load);
    events.length = 0;
    await local.getOrSet("k", load);
    expect(events).toEqual(["local-hit"]);
  });

  const forgetting = [
    "delete",
    "deleteMany",
    "set",
    "setMany",
    "invalidateTags",
    "update",
    "invalidatePrefix",
  ] as const;
  it.each(forgetting)("forgets on %s", async (change) => {
    const { local } = await setUp();
    const given = { tags: ["t"] };
    await local.getOrSet("k", load, given);
    await local.getOrSet("k", load, given);
    const changes = {
      delete: () => local.delete("k"),
      deleteMany: () => local.deleteMany(["k"]),
      set: () => local.set("k", { n: 2 }, given),
      setMany: () => local.setMany([["k", { n: 2 }]], given),
      invalidateTags: () => local.invalidateTags(["t"]),
      update: () => updateEntry(local, "k", () => ({ n: 2 })),
      invalidatePrefix: () => invalidatePrefix(local, "k"),
    };
    await changes[change]();
    expect(await local.getOrSet("k", () => ({ n: 2 }), given)).toEqual({ n: 2 });
  });

  it("does not keep what was read before a deletion and came after it", async () => {
    const { port } = counted(await backend.connect());
    const [reading, reply] = [gate(), gate()];
    let slow = false;
    const delayed = {
      ...port,
      async send(...given: Parameters<typeof port.send>) {
        const found = await port.send(...given);
        if (slow && given[0][0] === "GET") {
          reading.open();
          await reply.opened;
        }
        return found;
      },
    };
    serial += 1;
    const prefix = `${backend.prefix}:q${serial}`;
    const cache = createCache<{ n: number }>(delayed, { prefix, ttl: 60_000, timeout: 10_000, readBy: "get" });
    const local = withLocal(cache, { maxStaleness: 60_000 });
    await cache.getOrSet("k", load);
    // The next read of the cache is a plain GET; in a Worker, too.
    await cache.getOrSet("k", load);
    slow = true;
    const read = local.getOrSet("k", load);
    await reading.opened;
    await local.delete("k");
    reply.open();
    expect(await read).toEqual({ n: 1 });
    slow = false;
    expect(await local.getOrSet("k", () => ({ n: 2 }))).toEqual({ n: 2 });
  });

  describe("of several processes, by epoch", () => {
    const twins = async (more: Partial<LocalOptions> = {}) => {
      serial += 1;
      const options = {
        prefix: `${backend.prefix}:e${serial}`,
        ttl: 60_000,
        timeout: 10_000,
        readBy: "script",
      } as const;
      const open = async () => {
        const { port, trips, cost } = counted(await backend.connect());
        const cache = createCache<{ n: number }>(port, options);
        // The server may not hold the scripts yet; that is paid once.
        await cache.getOrSet("warm", load);
        await cache.delete("warm");
        return { local: withLocal(cache, { maxStaleness: 60_000, epoch: true, ...more }), cache, trips, cost };
      };
      return [await open(), await open()] as const;
    };

    it.each(["delete", "set", "invalidateTags"] as const)(
      "learns of a %s elsewhere with the next read that goes out",
      async (change) => {
        const [one, two] = await twins();
        const given = { tags: ["t"] };
        await one.local.getOrSet("k", load, given);
        await one.local.getOrSet("k", load, given);
        const changes = {
          delete: () => two.local.delete("k"),
          set: () => two.local.set("k", { n: 2 }, given),
          invalidateTags: () => two.local.invalidateTags(["t"]),
        };
        await changes[change]();
        // Nothing has gone out since.
        expect(await one.local.getOrSet("k", load, given)).toEqual({ n: 1 });
        await one.local.getOrSet("other", load);
        expect(await one.local.getOrSet("k", () => ({ n: 2 }), given)).toEqual({ n: 2 });
      },
    );

    it("costs no round trip, and one command of each read that goes out", async () => {
      const [{ local, cost }] = await twins();
      const read = () => cost(() => local.getOrSet("k", load));
      expect(await read()).toEqual({ trips: ["GET", "EVALSHA", "EVALSHA"], rounds: 2 });
      expect(await read()).toEqual({ trips: ["GET", "EVALSHA"], rounds: 1 });
      expect(await read()).toEqual({ trips: [], rounds: 0 });
      expect((await cost(() => local.delete("k"))).trips).toEqual(["EVALSHA", "SET"]);
    });

    it("keeps what it did not change itself", async () => {
      const [{ local, trips }] = await twins();
      for (const id of ["a", "a", "b"]) await local.getOrSet(id, load);
      await local.set("b", { n: 2 });
      await local.getOrSet("b", load);
      trips.length = 0;
      await local.getOrSet("a", load);
      expect(trips).toEqual([]);
    });

    it("does not overlook what others changed because it changed something, too", async () => {
      const [one, two] = await twins();
      for (let i = 0; i < 2; i += 1) await one.local.getOrSet("k", load);
      await two.local.set("k", { n: 2 });
      await one.local.set("mine", { n: 1 });
      await one.local.getOrSet("mine", load);
      expect(await one.local.getOrSet("k", load)).toEqual({ n: 2 });
    });

    it("does not keep what was read before a change elsewhere and came after it", async () => {
      const [one, two] = await twins();
      await one.local.set("k", { n: 1 });
      await one.local.getOrSet("other", load);
      const [reading, reply] = [gate(), gate()];
      const slow: typeof one.cache = {
        ...one.cache,
        async resolve(id, ...rest) {
          const found = await one.cache.resolve(id, ...rest);
          if (id !== "k") return found;
          reading.open();
          await reply.opened;
          return found;
        },
      };
      const local = withLocal(slow, { maxStaleness: 60_000, epoch: true });
      const read = local.getOrSet("k", load);
      await reading.opened;
      await two.local.set("k", { n: 2 });
      await local.getOrSet("other", load);
      reply.open();
      expect(await read).toEqual({ n: 1 });
      expect(await local.getOrSet("k", load)).toEqual({ n: 2 });
    });

    it("is the default where the adapter is distant, and can be left out", async () => {
      const redis = await backend.connect();
      for (const [epoch, commands] of [
        [undefined, redis.distant ? 2 : 1],
        [false, 1],
      ] as const) {
        const [{ local, cost }] = await twins({ epoch });
        await local.getOrSet("k", load);
        expect((await cost(() => local.getOrSet("k", load))).trips).toHaveLength(commands);
      }
    });
  });

  it("holds no more than `maxEntries` and `maxBytes`, and lets the used stay", async () => {
    const { local, trips } = await setUp(60_000, { maxEntries: 3 });
    for (const id of ["a", "b", "c"]) {
      await local.set(id, { n: 1 });
      await local.getOrSet(id, load);
      // The first read may have been the script's; the second is what is kept.
      if (id === "a") await local.getOrSet(id, load);
    }
    await local.getOrSet("a", load);
    await local.set("d", { n: 1 });
    await local.getOrSet("d", load);
    trips.length = 0;
    await local.getOrSet("a", load);
    await local.getOrSet("d", load);
    expect(trips).toEqual([]);
    const small = await setUp(60_000, { maxBytes: 10 });
    await small.local.getOrSet("k", load);
    await small.local.getOrSet("k", load);
    small.trips.length = 0;
    await small.local.getOrSet("k", load);
    expect(small.trips).not.toEqual([]);
  });

  it("refuses a staleness without a bound", async () => {
    const { cache } = await setUp();
    expect(() => withLocal(cache, { maxStaleness: Number.POSITIVE_INFINITY })).toThrow(OptionError);
    expect(() => withLocal({} as typeof cache, { maxStaleness: 1 })).toThrow(OptionError);
  });
});
