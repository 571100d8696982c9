import { readFile } from "node:fs/promises";
import { Redis as Client } from "ioredis";
import { describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ConnectionError } from "../../src/core/errors.ts";
import { LockLostError } from "../../src/core/patterns/lock/errors.ts";
import { createLock, type Lease } from "../../src/core/patterns/lock/index.ts";
import { onStandaloneBackends, type StandaloneBackend } from "../support/backends.ts";
import { startRedis } from "../support/redis-server.ts";
import { abortsBefore } from "../support/timer.ts";

onStandaloneBackends("a lock whose replies are lost", (backend) => {
  it("is acquired, extended and released once, though the server ran each script twice", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const prefix = `${backend.prefix}:lost`;
    const locks = createLock(redis, { ttl: 10_000, prefix });
    await (await locks.acquire("warm")).extend();
    const warm = await locks.acquire("warm-up-of-release");
    await warm.release();

    let lease: Lease | null = null;
    const acquiring = await twice(backend, proxy, async () => {
      lease = await locks.tryAcquire("a");
    });
    expect(acquiring).toBe(2);
    if (!lease) throw new Error("The lock was not acquired");
    const held: Lease = lease;

    expect(await twice(backend, proxy, () => held.extend({ ttl: 20_000 }))).toBe(2);
    expect((await locks.inspect("a")).remaining).toBeGreaterThan(15_000);

    let released: unknown;
    const releasing = await twice(backend, proxy, async () => {
      released = await held.release();
    });
    expect(releasing).toBe(2);
    expect(released).toBe(true);
    expect(await locks.inspect("a")).toEqual({ held: false, remaining: 0 });
  });

  it("keeps the fence when an acquisition runs twice", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const prefix = `${backend.prefix}:fence`;
    const locks = createLock(redis, { ttl: 10_000, prefix });
    await locks.run("warm", () => {});
    proxy.cutReplies();
    const lease = await locks.acquire("b");
    expect(await redis.send(["GET", `lock:${prefix}:{b}:fence`])).toBe(`${lease.fence} ${lease.fence} `);
    await lease.release();
  });

  it("is not taken for lost when its release ran twice and another holder came in between", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const prefix = `${backend.prefix}:between`;
    const locks = createLock(redis, { ttl: 10_000, prefix });
    const others = createLock(await backend.connect(), { ttl: 10_000, prefix, wait: 5_000 });
    await locks.run("warm", () => {});
    const lease = await locks.acquire("c");
    const next = others.acquire("c");
    proxy.cutReplies();
    expect(await lease.release()).toBe(true);
    await (await next).release();
  });
});

async function twice(
  backend: StandaloneBackend,
  proxy: { cutReplies(): void; readonly cuts: number },
  work: () => Promise<unknown>,
): Promise<number | undefined> {
  const before = proxy.cuts;
  proxy.cutReplies();
  const counts = await backend.count(work);
  expect(proxy.cuts).toBe(before + 1);
  return counts["evalsha"];
}

onStandaloneBackends("a lock whose Redis stands still", (backend) => {
  it("aborts the signal at the deadline while an extension is pending, and touches nobody else's lease", async () => {
    const redis = await backend.connect();
    const prefix = `${backend.prefix}:stall`;
    const locks = createLock(redis, { ttl: 1_000, prefix });
    const others = createLock(await backend.connect(), { ttl: 10_000, prefix });
    const lease = await locks.acquire("stall");
    const deadline = performance.now() + lease.remaining;
    expect(deadline - performance.now()).toBeLessThanOrEqual(1_000);
    const inTime = abortsBefore(deadline + 50, lease.signal);
    let firedAt = 0;
    lease.signal.addEventListener("abort", () => (firedAt = performance.now()));
    backend.server.pause();
    try {
      const extension = lease.extend().catch((error: unknown) => error);
      expect(await inTime).toBe(true);
      expect(await extension).toBeInstanceOf(Error);
    } finally {
      backend.server.resume();
    }
    expect(firedAt).toBeGreaterThan(deadline - 50);
    const next = await others.acquire("stall", { wait: 5_000 });
    expect(await lease.release()).toBe(false);
    await expect(lease.extend()).rejects.toThrow(LockLostError);
    expect(await locks.tryAcquire("stall")).toBeNull();
    next.assertHeld();
    expect(await next.release()).toBe(true);
  });

  it("reports that Redis is not reached, which is not busy, and frees what it was granted too late", async () => {
    const redis = await backend.connect();
    const prefix = `${backend.prefix}:late`;
    const locks = createLock(redis, { ttl: 60_000, prefix });
    await locks.run("warm", () => {});
    backend.server.pause();
    try {
      await expect(locks.tryAcquire("d")).rejects.toThrow(ConnectionError);
    } finally {
      backend.server.resume();
    }
    const others = createLock(await backend.connect(), { ttl: 1_000, prefix });
    await using _ = await others.acquire("d", { wait: 5_000 });
  });
});

describe("the text of a hand-off", () => {
  it("is read in the format of version 1", async () => {
    const server = await startRedis();
    const client = new Client({ host: server.host, port: server.port });
    try {
      const redis = ioredis(client);
      const text = await readFile(new URL("../fixtures/lock-hand-off-v1.json", import.meta.url), "utf8");
      const { token, fence } = JSON.parse(text);
      await redis.send(["SET", "lock:shop:{invoice:7}", token, "PX", 5_000]);
      const lease = await createLock(redis, { prefix: "shop", ttl: 1_000 }).resume(text);
      expect(lease.name).toBe("invoice:7");
      expect(BigInt(lease.fence)).toBeGreaterThan(BigInt(fence));
      // The time to live of the text, not that of this lock.
      expect(lease.remaining).toBeGreaterThan(5_000);
    } finally {
      client.disconnect();
      await server.stop();
    }
  });
});
