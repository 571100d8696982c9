import { Redis as Client } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ConnectionError, OptionError, ReplyError } from "../../src/core/errors.ts";
import { LockLostError } from "../../src/core/patterns/lock/errors.ts";
import { createLock, firstComeFirstServed, waitForReplicas } from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let master: RedisServer;
let replica: RedisServer;
let proxy: CuttingProxy;
const open: Client[] = [];

beforeAll(async () => {
  master = await startRedis("--repl-diskless-sync-delay", "0");
  replica = await startRedis("--replicaof", `${master.host} ${master.port}`);
  proxy = await startCuttingProxy(master);
  await replicated();
}, 30_000);
afterEach(() => replica.resume());
afterAll(async () => {
  for (const client of open) client.disconnect();
  await proxy.stop();
  await Promise.all([master.stop(), replica.stop()]);
});

function connect(at: { readonly host: string; readonly port: number }): Client {
  const client = new Client({ host: at.host, port: at.port, retryStrategy: () => 10 });
  client.on("error", () => {});
  open.push(client);
  return client;
}

/** Until the replica has followed its master once. */
async function replicated(): Promise<void> {
  const client = connect(master);
  do await client.set("followed", 1, "PX", 10_000);
  while ((await client.wait(1, 500)) === 0);
}

const options = { ttl: 60_000, wait: 5_000, replicas: waitForReplicas({ count: 1, timeout: 1_000 }) };

describe("a lock that waits for replicas", () => {
  it("is on the replica when it is granted and when it is extended", async () => {
    const locks = createLock(ioredis(connect(master)), { ...options, prefix: "on" });
    const there = connect(replica);
    const lease = await locks.acquire("a");
    expect(await there.pttl("lock:on:{a}")).toBeGreaterThan(30_000);
    await lease.extend({ ttl: 120_000 });
    expect(await there.pttl("lock:on:{a}")).toBeGreaterThan(60_000);
    expect(await locks.tryAcquire("a")).toBeNull();
    expect(await lease.release()).toBe(true);
  });

  it("is given back and unreachable, not busy, when the replica does not confirm it in time", async () => {
    const locks = createLock(ioredis(connect(master)), { ...options, prefix: "late", order: firstComeFirstServed() });
    await locks.run("a", () => {});
    replica.pause();
    await expect(locks.tryAcquire("a")).rejects.toThrow(ConnectionError);
    expect(await locks.inspect("a")).toEqual({ held: false, remaining: 0 });
    const two = createLock(ioredis(connect(master)), {
      prefix: "late",
      ttl: 60_000,
      replicas: waitForReplicas({ count: 2, timeout: 50 }),
    });
    replica.resume();
    await expect(two.acquire("a")).rejects.toThrow("replicas");
  });

  it("keeps its deadline, and its life, when an extension is not confirmed", async () => {
    const locks = createLock(ioredis(connect(master)), { ...options, prefix: "extend" });
    const lease = await locks.acquire("a");
    replica.pause();
    await expect(lease.extend({ ttl: 120_000 })).rejects.toThrow(ConnectionError);
    expect(lease.remaining).toBeLessThan(60_000);
    lease.assertHeld();
    replica.resume();
    await lease.extend({ ttl: 120_000 });
    expect(lease.remaining).toBeGreaterThan(60_000);
    await lease.release();
  });

  it("is not taken for confirmed by a WAIT on a new connection, which has written nothing to wait for", async () => {
    const locks = createLock(ioredis(connect(proxy)), { ...options, prefix: "cut" });
    await locks.run("warm", () => {});
    replica.pause();
    const acquiring = locks.tryAcquire("a");
    const outcome = acquiring.catch((error: unknown) => error);
    await sleep(100);
    proxy.reset();
    expect(await outcome).toBeInstanceOf(ConnectionError);
    replica.resume();
    await using next = await locks.acquire("a");
    next.assertHeld();
  });

  it("is given back when the server refuses WAIT", async () => {
    const client = connect(master);
    await client.acl("SETUSER", "no-wait", "on", "nopass", "~*", "&*", "+@all", "-wait");
    const limited = new Client({ host: master.host, port: master.port, username: "no-wait", password: "x" });
    open.push(limited);
    const locks = createLock(ioredis(limited), { ...options, prefix: "acl" });
    await expect(locks.acquire("a")).rejects.toThrow(ReplyError);
    expect((await locks.inspect("a")).held).toBe(false);
  });

  it("reports what was lost in the meantime", async () => {
    const client = connect(master);
    const locks = createLock(ioredis(client), { ...options, prefix: "lost" });
    const lease = await locks.acquire("a");
    await client.del("lock:lost:{a}");
    await expect(lease.extend()).rejects.toThrow(LockLostError);
  });

  it("is refused over HTTP, on a Cluster, and with options that cannot work", () => {
    const redis: Redis = { send: () => Promise.resolve(null), pipeline: () => Promise.resolve([]) };
    for (const port of [
      { ...redis, distant: true },
      { ...redis, masters: () => Promise.resolve([]) },
    ]) {
      expect(() => createLock(port, { ...options, prefix: "refused" })).toThrow(OptionError);
    }
    expect(() => waitForReplicas({ count: 0 })).toThrow(/`count`/);
    expect(() => waitForReplicas({ timeout: 0 })).toThrow(/`timeout`/);
  });
});
