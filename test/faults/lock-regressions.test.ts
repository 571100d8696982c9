import { readFile } from "node:fs/promises";
import { Redis as Client } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { ConnectionError, LockBusyError, LockLostError, ReplyError } from "../../src/core/errors.ts";
import {
  createLock,
  createQuorumLock,
  createReadWriteLock,
  createSemaphore,
  watchdog,
} from "../../src/core/lock/index.ts";
import type { Redis } from "../../src/core/redis.ts";
import { sleep } from "../../src/core/sleep.ts";
import { onStandaloneBackends } from "../support/backends.ts";
import { createHistory, violations } from "../support/history.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

onStandaloneBackends("defects of other locks, not here:", (backend) => {
  const prefix = `${backend.prefix}:not`;
  afterEach(() => vi.restoreAllMocks());

  it("redlock, redlock-universal, redis-semaphore: the body runs on for 2 s after its lease while Redis stands still", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 1_000, prefix, watchdog: watchdog() });
    let deadline = 0;
    let firedAt = 0;
    const lost = locks
      .run("stalled", async ({ signal, remaining }) => {
        deadline = performance.now() + remaining;
        backend.server.pause();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        firedAt = performance.now();
      })
      .catch((error: unknown) => error);
    await sleep(1_500);
    backend.server.resume();
    expect(await lost).toBeInstanceOf(LockLostError);
    expect(Math.abs(firedAt - deadline)).toBeLessThan(50);
  });

  it("redlock-universal: one failed extension ends a lease that has 20% left; redis-semaphore: it kills the process", async () => {
    const redis = await backend.connect();
    let failures = 0;
    const flaky: Redis = {
      ...redis,
      send: (command, options) => {
        if (failures === 2 || !String(command[2] ?? "").startsWith("1") || command.length !== 6) {
          return redis.send(command, options);
        }
        failures += 1;
        return Promise.reject(new ConnectionError("cut", "unknown"));
      },
    };
    const types: string[] = [];
    const onEvent = ({ type }: { readonly type: string }) => void types.push(type);
    const locks = createLock(flaky, { ttl: 600, prefix, watchdog: watchdog(), onEvent });
    await locks.run("flaky", async ({ signal }) => {
      await sleep(1_000);
      expect(signal.aborted).toBe(false);
    });
    expect(failures).toBe(2);
    expect(types.filter((type) => type === "extend-failed")).toHaveLength(2);
    expect(types).not.toContain("lost");
  });

  it("redlock, verrou: a failing release hides the body's error and costs seconds", async () => {
    const redis = await backend.connect();
    let broken = false;
    const failing: Redis = {
      ...redis,
      send: (command, options) =>
        broken ? Promise.reject(new ConnectionError("cut", "unknown")) : redis.send(command, options),
    };
    const types: string[] = [];
    const locks = createLock(failing, { ttl: 500, prefix, onEvent: ({ type }) => types.push(type) });
    const failure = new Error("BUSINESS ERROR");
    const start = performance.now();
    const body = () => {
      broken = true;
      return Promise.reject(failure);
    };
    await expect(locks.run("masked", body)).rejects.toBe(failure);
    expect(performance.now() - start).toBeLessThan(400);
    expect(types).toContain("release-failed");
  });

  it("redlock: a lease that was got after waiting has run out already", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 400, wait: 5_000, prefix });
    await locks.acquire("waited");
    await using next = await locks.acquire("waited");
    expect(next.remaining).toBeGreaterThan(250);
    await next.extend();
  });

  it("redlock: busy, refused and unreachable are one error", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, wait: 0, prefix });
    await using lease = await locks.acquire("classes");
    await expect(locks.acquire(lease.name)).rejects.toThrow(LockBusyError);
    await redis.send(["SADD", `${prefix}:{typed}`, "a"]);
    await redis.send(["PEXPIRE", `${prefix}:{typed}`, 60_000]);
    await expect(locks.acquire("typed")).rejects.toThrow(ReplyError);
    const dead: Redis = { ...redis, send: () => Promise.reject(new ConnectionError("down", false)) };
    await expect(createLock(dead, { ttl: 1_000, prefix }).acquire("a")).rejects.toThrow(ConnectionError);
    await expect(createLock(dead, { ttl: 1_000, prefix }).inspect("a")).rejects.toThrow(ConnectionError);
  });

  it("redis-semaphore: a client whose clock is ahead evicts a live holder", async () => {
    const redis = await backend.connect();
    const places = createSemaphore(redis, { limit: 1, ttl: 10_000, prefix });
    const locks = createLock(redis, { ttl: 10_000, prefix });
    const lock = createReadWriteLock(redis, { ttl: 10_000, prefix });
    await using place = await places.acquire("clock");
    await using lease = await locks.acquire("clocks");
    await using reader = await lock.read.acquire("clock");
    const real = Date.now;
    for (const skew of [60_000, -60_000]) {
      vi.spyOn(Date, "now").mockImplementation(() => real() + skew);
      expect(await places.tryAcquire("clock")).toBeNull();
      expect(await locks.tryAcquire("clocks")).toBeNull();
      expect(await lock.write.tryAcquire("clock")).toBeNull();
    }
    for (const held of [place, lease, reader]) held.assertHeld();
  });

  it("@upstash/lock: extend takes whole seconds only, and adds to what is left", async () => {
    const locks = createLock(await backend.connect(), { ttl: 900, prefix });
    await using lease = await locks.acquire("units");
    await lease.extend({ ttl: 1_500 });
    const { remaining } = await locks.inspect("units");
    expect(remaining).toBeGreaterThan(1_200);
    expect(remaining).toBeLessThanOrEqual(1_500);
  });

  it("@upstash/lock: a second acquire on the holder's instance wipes its token", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix });
    const lease = await locks.acquire("wiped");
    expect(await locks.tryAcquire("wiped")).toBeNull();
    expect(await lease.release()).toBe(true);
    expect((await locks.inspect("wiped")).held).toBe(false);
  });

  it("@upstash/lock: status says free while another instance holds; and one attempt sleeps after it", async () => {
    const redis = await backend.connect();
    await using lease = await createLock(redis, { ttl: 10_000, prefix }).acquire("status");
    const other = createLock(redis, { ttl: 10_000, prefix });
    expect((await other.inspect(lease.name)).held).toBe(true);
    const start = performance.now();
    await expect(other.acquire("status", { wait: 0 })).rejects.toThrow(LockBusyError);
    expect(performance.now() - start).toBeLessThan(500);
  });

  it("redlock-universal: 14 of 50 waiters fail with the default settings", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, prefix });
    const history = createHistory();
    const waiters = Array.from({ length: 50 }, (_, i) =>
      locks.run("fifty", async ({ fence }) => {
        const stay = history.enter(`waiter ${i}`, fence);
        await sleep(5);
        stay.leave();
      }),
    );
    await Promise.all(waiters);
    expect(history.stays).toHaveLength(50);
    expect(violations(history.stays)).toEqual([]);
  });

  it("redis-semaphore, @upstash/lock: a lost reply orphans what it granted", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const places = createSemaphore(redis, { limit: 1, ttl: 10_000, prefix: `${prefix}:lost` });
    const lock = createReadWriteLock(redis, { ttl: 10_000, prefix: `${prefix}:lost` });
    const kinds = [places, lock.read, lock.write];
    for (const [i, kind] of kinds.entries()) {
      await (await kind.acquire("warm")).release();
      proxy.cutReplies();
      const lease = await kind.acquire(`kind ${i}`);
      proxy.cutReplies();
      await lease.extend();
      proxy.cutReplies();
      expect(await lease.release()).toBe(true);
      expect((await kind.inspect(`kind ${i}`)).held).toBe(false);
    }
    expect(proxy.cuts).toBe(9);
  });
});

describe("the quorum lock, over TCP and HTTP nodes", () => {
  const servers: RedisServer[] = [];
  const clients: Client[] = [];
  let nodes: Redis[];
  let gateway: Awaited<ReturnType<typeof serveGateway>>;

  beforeAll(async () => {
    servers.push(...(await Promise.all([startRedis(), startRedis(), startRedis()])));
    clients.push(...servers.map(({ host, port }) => new Client({ host, port, retryStrategy: () => 50 })));
    for (const client of clients) client.on("error", () => {});
    const [one, two, three] = clients.map((client) => ioredis(client));
    if (!one || !two || !three) throw new Error("three nodes");
    gateway = await serveGateway(three, { tokens: ["the-token-of-the-third"] });
    nodes = [one, two, rest({ url: gateway.url, token: "the-token-of-the-third" })];
  });
  afterAll(async () => {
    await gateway.close(0);
    for (const client of clients) client.disconnect();
    await Promise.all(servers.map((server) => server.stop()));
  });

  it("excludes contenders over a majority, with fences that rise", async () => {
    const history = createHistory();
    await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const locks = createQuorumLock(nodes, { ttl: 5_000, wait: 20_000, prefix: "q" });
        await locks.run("a", async ({ fence }) => {
          const stay = history.enter(`contender ${i}`, fence);
          await sleep(3);
          stay.leave();
        });
      }),
    );
    expect(history.stays).toHaveLength(10);
    expect(violations(history.stays)).toEqual([]);
  });

  it("holds, extends and releases while one of three nodes is down, and on all nodes", async () => {
    const locks = createQuorumLock(nodes, { ttl: 2_000, prefix: "down" });
    await locks.run("a", () => {});
    servers[2]?.pause();
    try {
      const lease = await locks.acquire("a");
      await lease.extend();
      expect(await locks.tryAcquire("a")).toBeNull();
      expect(await lease.release()).toBe(true);
      expect((await locks.inspect("a")).held).toBe(false);
    } finally {
      servers[2]?.resume();
    }
  });

  it("is unreachable, not busy, when a majority is down", async () => {
    const locks = createQuorumLock(nodes, { ttl: 2_000, prefix: "minority" });
    servers[1]?.pause();
    servers[2]?.pause();
    try {
      await expect(locks.tryAcquire("a")).rejects.toThrow(ConnectionError);
    } finally {
      servers[1]?.resume();
      servers[2]?.resume();
    }
  });

  it("gives every node back when it got a minority only", async () => {
    const [one, two, three] = nodes;
    if (!one || !two || !three) throw new Error("three nodes");
    const others = createQuorumLock([one, two], { ttl: 10_000, prefix: "few" });
    await using _ = await others.acquire("a");
    const locks = createQuorumLock(nodes, { ttl: 10_000, prefix: "few" });
    expect(await locks.tryAcquire("a")).toBeNull();
    expect(await three.send(["EXISTS", "few:{a}"])).toBe(0);
    expect(() => createQuorumLock([], { ttl: 1_000 })).toThrow(/`nodes`/);
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
      await redis.send(["SET", "lock:{invoice:7}", token, "PX", 5_000]);
      const lease = await createLock(redis, { ttl: 1_000 }).resume(text);
      expect([lease.name, lease.fence]).toEqual(["invoice:7", fence]);
      expect(lease.remaining).toBeGreaterThan(9_000);
    } finally {
      client.disconnect();
      await server.stop();
    }
  });
});
