import { describe, expect, it } from "vitest";
import { LockLostError } from "../../src/core/patterns/lock/errors.ts";
import {
  createLock,
  createManyLocks,
  createQuorumLock,
  createReadWriteLock,
  createSemaphore,
  firstComeFirstServed,
} from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { type Backend, onEveryBackend } from "../support/backends.ts";

interface Released {
  release(): Promise<boolean>;
}

type Take = () => Promise<Released>;

/** Everything that grants leases, the key that shows its holder, and what else may take it. */
const kinds: Record<string, (redis: Redis, prefix: string) => { readonly take: Take; readonly holder: string }> = {
  lock: (redis, prefix) => single(createLock(redis, { ttl: 10_000, prefix }), `lock:${prefix}:{a}`),
  "lock in order of arrival": (redis, prefix) =>
    single(createLock(redis, { ttl: 10_000, prefix, order: firstComeFirstServed() }), `lock:${prefix}:{a}`),
  semaphore: (redis, prefix) =>
    single(createSemaphore(redis, { ttl: 10_000, prefix, limit: 1 }), `semaphore:${prefix}:{a}`),
  "read lock": (redis, prefix) =>
    single(createReadWriteLock(redis, { ttl: 10_000, prefix }).read, `read-write:${prefix}:{a}:readers`),
  "write lock": (redis, prefix) =>
    single(createReadWriteLock(redis, { ttl: 10_000, prefix }).write, `read-write:${prefix}:{a}:writer`),
  "quorum lock": (redis, prefix) =>
    single(createQuorumLock([redis], { ttl: 10_000, prefix, nodeTimeout: 5_000 }), `lock:${prefix}:{a}`),
  "many locks": (redis, prefix) => {
    const locks = createManyLocks(redis, { ttl: 10_000, prefix });
    return { take: () => locks.acquireAll(["a"]), holder: `lock:${prefix}:{a}` };
  },
};

function single(locks: { acquire(name: string): Promise<Released> }, holder: string) {
  return { take: () => locks.acquire("a"), holder };
}

onEveryBackend("a release", (backend) => {
  for (const [kind, make] of Object.entries(kinds)) {
    describe(`of a ${kind}`, () => {
      truth(backend, `${backend.prefix}:${kind.replaceAll(" ", "-")}`, make);
    });
  }
});

function truth(backend: Backend, prefix: string, make: (typeof kinds)[string]): void {
  /** What an eviction or a failover does. */
  const lose = (redis: Redis, holder: string) => redis.send(["DEL", holder]);

  it("says true while the lease lives", async () => {
    const { take } = make(await backend.connect(), prefix);
    const lease = await take();
    expect(await lease.release()).toBe(true);
  });

  it("says false when Redis has lost it", async () => {
    const redis = await backend.connect();
    const { take, holder } = make(redis, prefix);
    const lease = await take();
    expect(await lose(redis, holder)).toBe(1);
    expect(await lease.release()).toBe(false);
  });

  it("says false when Redis has lost it, also after the next one has come and gone", async () => {
    const redis = await backend.connect();
    const { take, holder } = make(redis, prefix);
    await (await take()).release();
    const lease = await take();
    expect(await lose(redis, holder)).toBe(1);
    const next = await take();
    expect(await next.release()).toBe(true);
    expect(await lease.release()).toBe(false);
  });
}

onEveryBackend("work under a lease that Redis has lost", (backend) => {
  it("is reported, whatever was held", async () => {
    const redis = await backend.connect();
    const places = createSemaphore(redis, { limit: 2, ttl: 10_000, prefix: backend.prefix });
    const lost = places.run("work", () => redis.send(["DEL", `semaphore:${backend.prefix}:{work}`]));
    await expect(lost).rejects.toThrow(LockLostError);
  });
});
