import { Redis as Client } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { LockBusyError } from "../../src/core/patterns/lock/errors.ts";
import {
  createLock,
  createReadWriteLock,
  createSemaphore,
  firstComeFirstServed,
  type LockOptions,
  wakeBySubscriber,
} from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { createHistory, violations } from "../support/history.ts";
import { countCommands } from "../support/inspect.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let direct: Redis;
const open: Client[] = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
afterEach(() => {
  for (const client of open.splice(0)) client.disconnect();
});

function connect(): Client {
  const client = new Client({ host: server.host, port: server.port });
  client.on("error", () => {});
  open.push(client);
  return client;
}

/** A process: one connection for commands, one that listens. */
function processOf(options: Partial<LockOptions> = {}) {
  const redis = ioredis(connect());
  const subscriber = ioredisSubscriber(connect());
  return createLock(redis, {
    ttl: 10_000,
    wait: 20_000,
    wake: wakeBySubscriber(subscriber),
    prefix: "waiting",
    ...options,
  });
}

/** 50 waiters who came one after the other, each of which holds for 5 ms. */
async function fiftyWaiters(locks: ReturnType<typeof processOf>) {
  const history = createHistory();
  const served: number[] = [];
  const first = await locks.acquire("fifty");
  const waiters = Array.from({ length: 50 }, (_, i) =>
    locks.run("fifty", async ({ fence }) => {
      served.push(i);
      const stay = history.enter(`waiter ${i}`, fence);
      await sleep(5);
      stay.leave();
    }),
  );
  await sleep(50);
  const start = performance.now();
  await first.release();
  await Promise.all(waiters);
  return { history, served, elapsed: performance.now() - start };
}

function topLevel(counts: Record<string, number>): number {
  return ["evalsha", "eval", "subscribe", "unsubscribe"].reduce((sum, name) => sum + (counts[name] ?? 0), 0);
}

describe("waiting over TCP", () => {
  it("serves 50 waiters first come first served: none out of order, at most 5 commands for each", async () => {
    direct = ioredis(connect());
    const locks = processOf({ prefix: "fifo", order: firstComeFirstServed() });
    await locks.run("fifty", () => {});
    let result: Awaited<ReturnType<typeof fiftyWaiters>> | undefined;
    const counts = await countCommands([direct], async () => {
      result = await fiftyWaiters(locks);
    });
    expect(result?.served).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(violations(result?.history.stays ?? [])).toEqual([]);
    expect(topLevel(counts)).toBeLessThanOrEqual(5 * 51);
    expect(topLevel(counts)).toBeGreaterThanOrEqual(2 * 51);
  });

  it("wakes one waiter for each release, with at most 5 commands for each", async () => {
    direct = ioredis(connect());
    const locks = processOf({ prefix: "wake" });
    await locks.run("fifty", () => {});
    let result: Awaited<ReturnType<typeof fiftyWaiters>> | undefined;
    const counts = await countCommands([direct], async () => {
      result = await fiftyWaiters(locks);
    });
    expect(result?.served).toHaveLength(50);
    expect(violations(result?.history.stays ?? [])).toEqual([]);
    expect(topLevel(counts)).toBeLessThanOrEqual(5 * 51);
  });

  it("publishes nothing while nobody waits, and leaves no subscription behind", async () => {
    direct = ioredis(connect());
    const locks = processOf({ prefix: "quiet" });
    await locks.run("quiet", () => {});
    const counts = await countCommands([direct], () => locks.run("quiet", () => {}));
    expect(counts["publish"]).toBeUndefined();
    await fiftyWaiters(locks);
    await expect.poll(() => direct.send(["PUBSUB", "CHANNELS", "*quiet:*"]), { timeout: 10_000 }).toEqual([]);
  });

  it("hears a release of another process at once, whatever that process uses", async () => {
    const here = processOf({ prefix: "other" });
    const there = createLock(ioredis(connect()), { ttl: 10_000, prefix: "other" });
    const lease = await there.acquire("a");
    const waiting = here.acquire("a");
    await sleep(100);
    const start = performance.now();
    await lease.release();
    await (await waiting).release();
    expect(performance.now() - start).toBeLessThan(8_000);
  });

  it("takes over from a holder that died, by the timer of its lease", async () => {
    const locks = processOf({ prefix: "died" });
    const start = performance.now();
    await createLock(ioredis(connect()), { ttl: 300, wait: 5_000, prefix: "died" }).acquire("a");
    await (await locks.acquire("a")).release();
    expect(performance.now() - start).toBeGreaterThan(290);
    expect(performance.now() - start).toBeLessThan(8_000);
  });

  it("passes a wake-up on when the one who was woken has left", async () => {
    const heard: ((message: string, channel: string) => void)[] = [];
    const subscribe: Subscriber["subscribe"] = (_, listener) => {
      heard.push(listener);
      return Promise.resolve(() => Promise.resolve());
    };
    const wake = wakeBySubscriber({ subscribe, psubscribe: subscribe });
    const first = wake.listen("c", "1");
    const second = wake.listen("c", "2");
    await first.wait(0, 0, undefined);
    await second.wait(0, 0, undefined);
    const woken = second.wait(1, 10_000, undefined);
    const leaving = new AbortController();
    const never = first.wait(1, 10_000, leaving.signal);
    leaving.abort(new Error("left"));
    heard[0]?.("", "c");
    await expect(never).rejects.toThrow("left");
    first.leave("gave up");
    await woken;
  });

  it("polls while its subscription fails", async () => {
    const refuse = () => Promise.reject(new Error("no connection"));
    const broken: Subscriber = { subscribe: refuse, psubscribe: refuse };
    const redis = ioredis(connect());
    const locks = createLock(redis, { ttl: 10_000, prefix: "broken", wake: wakeBySubscriber(broken) });
    const lease = await locks.acquire("a");
    const waiting = locks.acquire("a", { wait: 5_000 });
    await sleep(50);
    await lease.release();
    expect(await (await waiting).release()).toBe(true);
  });

  it("asks again after the subscriber's connection was lost", async () => {
    const redis = ioredis(connect());
    const listening = connect();
    const locks = createLock(redis, {
      ttl: 10_000,
      prefix: "reconnect",
      wake: wakeBySubscriber(ioredisSubscriber(listening)),
    });
    const lease = await locks.acquire("a");
    const waiting = locks.acquire("a", { wait: 9_000 });
    await sleep(50);
    listening.disconnect(true);
    await lease.release();
    const start = performance.now();
    await (await waiting).release();
    expect(performance.now() - start).toBeLessThan(8_000);
  });

  it("keeps the order of arrival over several processes, past a waiter that gave up", async () => {
    const all = [1, 2, 3].map(() => processOf({ prefix: "several", order: firstComeFirstServed() }));
    const first = await all[0]?.acquire("a");
    const served: number[] = [];
    const waiters: Promise<unknown>[] = [];
    for (let i = 0; i < 12; i += 1) {
      waiters.push(all[i % 3]?.run("a", () => void served.push(i)) ?? Promise.reject(new Error("no process")));
      await sleep(5);
      const impatient = all[(i + 1) % 3]?.acquire("a", { wait: 5 });
      await expect(impatient).rejects.toThrow(LockBusyError);
    }
    await first?.release();
    await Promise.all(waiters);
    expect(served).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });

  it("wakes those who wait for a semaphore and for a read-write lock", async () => {
    const redis = ioredis(connect());
    const wake = wakeBySubscriber(ioredisSubscriber(connect()));
    const places = createSemaphore(redis, { limit: 2, ttl: 10_000, wake, prefix: "places" });
    const held = [await places.acquire("a"), await places.acquire("a")];
    const waiting = places.acquire("a");
    await sleep(50);
    const start = performance.now();
    await held[0]?.release();
    await (await waiting).release();
    const lock = createReadWriteLock(redis, { ttl: 10_000, wake, prefix: "rw" });
    const writer = await lock.write.acquire("a");
    const readers = [lock.read.acquire("a"), lock.read.acquire("a")];
    await sleep(50);
    await writer.release();
    for (const reader of await Promise.all(readers)) await reader.release();
    expect(performance.now() - start).toBeLessThan(8_000);
  });
});
