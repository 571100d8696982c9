import { expect, it } from "vitest";
import type { PatternEvent } from "../../src/core/event.ts";
import {
  createElection,
  createFenceGuard,
  createLock,
  createManyLocks,
  createQuorumLock,
  createReadWriteLock,
  createSemaphore,
  firstComeFirstServed,
  type LeaseOptions,
  redlockNaming,
} from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { bareKeys, onEveryBackend } from "../support/backends.ts";

type Options = LeaseOptions & { readonly prefix: string };
type Releasable = { release(): Promise<boolean> };

const name = "7";

/** Each kind of thing, and how one of it is taken. The value is the first word of its keys. */
const kinds: Record<string, (redis: Redis, options: Options) => Promise<Releasable | undefined>> = {
  lock: (redis, options) => createLock(redis, options).acquire(name),
  semaphore: (redis, options) => createSemaphore(redis, { ...options, limit: 1 }).acquire(name),
  "read-write": async (redis, options) => {
    const lock = createReadWriteLock(redis, options);
    await lock.read.run(name, () => {});
    return lock.write.acquire(name);
  },
  election: async (redis, options) => {
    await createElection(redis, { ...options, name }).campaign(() => {});
    return undefined;
  },
  guard: async (redis, options) => {
    await createFenceGuard(redis, options).set(name, "1700000000000000", "value");
    return undefined;
  },
};

onEveryBackend(
  "the keys of locks",
  (backend) => {
    it("are those of one kind alone: all kinds with one prefix and one name meet nowhere", async () => {
      const redis = await backend.connect();
      const options = { ttl: 10_000, prefix: `${backend.prefix}:shop` };
      const held: (Releasable | undefined)[] = [];
      const owners = new Map<string, string>();
      for (const [kind, take] of Object.entries(kinds)) {
        held.push(await take(redis, options));
        for (const key of await backend.keys()) if (!owners.has(key)) owners.set(key, kind);
      }
      for (const [key, kind] of owners)
        expect(key).toMatch(new RegExp(`^${kind}:${options.prefix}:\\{7\\}(:[a-z0-9-]+)*`));
      expect(new Set(owners.values())).toEqual(new Set(Object.keys(kinds)));
      // Nobody has taken or freed what another holds.
      for (const lease of held) expect(await lease?.release()).not.toBe(false);
    });

    it("are the same for one lock, however it is taken", async () => {
      const redis = await backend.connect();
      const options = { ttl: 10_000, prefix: `${backend.prefix}:same` };
      await using _ = await createLock(redis, options).acquire(name);
      expect(await createManyLocks(redis, options).tryAcquireAll([name])).toBeNull();
      expect(await createQuorumLock([redis], { ...options, nodeTimeout: 5_000 }).tryAcquire(name)).toBeNull();
      expect(await createLock(redis, { ...options, order: firstComeFirstServed() }).tryAcquire(name)).toBeNull();
    });

    it("begin with the name itself where another program has chosen it", async () => {
      const redis = await backend.connect();
      const prefix = `${backend.prefix}:own`;
      const bare = `${backend.prefix}-bare-{7}`;
      await using _ = await createLock(redis, { ttl: 10_000, prefix, naming: redlockNaming() }).acquire(bare);
      expect(await redis.send(["EXISTS", bare])).toBe(1);
      expect((await backend.keys()).filter((key) => key.includes(prefix))).toEqual([]);
    });

    it("are not in events: these name the prefix as it was given", async () => {
      const redis = await backend.connect();
      const prefix = `${backend.prefix}:told`;
      const events: PatternEvent[] = [];
      const options = { ttl: 10_000, prefix, onEvent: (event: PatternEvent) => void events.push(event) };
      for (const [kind, take] of Object.entries(kinds))
        if (kind !== "guard") await (await take(redis, options))?.release();
      expect(new Set(events.map((event) => `${event.pattern} ${event.prefix} ${event.id}`))).toEqual(
        new Set([`lock ${prefix} ${name}`]),
      );
    });

    it("need a prefix, which is checked also where the names are given", async () => {
      const redis = await backend.connect();
      const all: ((redis: Redis, options: never) => unknown)[] = [
        createLock,
        createSemaphore,
        createReadWriteLock,
        createManyLocks,
        createElection,
        createFenceGuard,
        (redis, options) => createQuorumLock([redis], options),
      ];
      for (const prefix of [undefined, null, "", "a{b", 7]) {
        const options = { ttl: 10_000, limit: 1, name, prefix, naming: redlockNaming() };
        for (const create of all) expect(() => create(redis, options as never)).toThrow(/`prefix`/);
      }
    });
  },
  bareKeys,
);
