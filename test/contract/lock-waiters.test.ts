import { expect, it } from "vitest";
import { createReadWriteLock, createSemaphore, createLock } from "../../src/core/patterns/lock/index.ts";
import { integer } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { kinds } from "../fixtures/lock-kinds.ts";
import { onEveryBackend } from "../support/backends.ts";

const ttl = 30_000;

onEveryBackend("whoever waits for a lock", (backend) => {
  it.each(Object.entries(kinds))("leaves no key without a TTL, whenever it dies: %s", async (name, make) => {
    const redis = await backend.connect();
    const prefix = `${backend.prefix}:${name}`.replaceAll(" ", "-");
    const kind = make(redis, { ttl, prefix, wait: 20_000 });
    const holder = await kind.rival.tryAcquire();
    const waiting = [kind.acquire(), kind.acquire()];
    await sleep(60);
    const keys = (await backend.keys()).filter((key) => key.includes(prefix));
    expect(keys.length).toBeGreaterThan(1);
    for (const key of keys) {
      const left = integer(await redis.send(["PTTL", key]));
      // A key may have ended since it was seen.
      expect(left === -2 || left > 0, key).toBe(true);
    }
    await holder?.release();
    await Promise.all(waiting.map(async (next) => (await next).release()));
  });

  it.each(Object.entries(kinds))("is who news is published for; for nobody, there is none: %s", async (name, make) => {
    const redis = await backend.connect();
    const prefix = `${backend.prefix}:quiet:${name}`.replaceAll(" ", "-");
    const kind = make(redis, { ttl, prefix });
    await (await kind.acquire()).release();
    const counts = await backend.count(async () => {
      const lease = await kind.acquire();
      await kind.rival.tryAcquire();
      await lease.release();
    });
    expect(counts["publish"]).toBeUndefined();
  });

  it("is granted a lease of the length that it asked for, and no other", async () => {
    const redis = await backend.connect();
    const prefix = `${backend.prefix}:length`;
    const readWrite = createReadWriteLock(redis, { ttl, prefix });
    const all = [
      createLock(redis, { ttl, prefix }),
      createSemaphore(redis, { ttl, prefix, limit: 1 }),
      readWrite.read,
      readWrite.write,
    ];
    for (const lock of all) {
      const lease = await lock.acquire("a", { ttl: 5_000 });
      const { remaining } = await lock.inspect("a");
      expect(remaining).toBeLessThanOrEqual(5_000);
      expect(remaining).toBeGreaterThan(lease.remaining - 50);
      await lease.release();
    }
  });
});
