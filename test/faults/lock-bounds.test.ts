// What has piled up in Redis is removed bit by bit: no call of a lock runs more than a bounded number of commands, or forgets its bound.
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import {
  createLock,
  createReadWriteLock,
  createSemaphore,
  firstComeFirstServed,
} from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { withFaults } from "../../src/testing/index.ts";
import { countCommands } from "../support/inspect.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let client: Client;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  client = new Client({ host: server.host, port: server.port });
  redis = ioredis(client);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const ttl = 30_000;
const dead = 5_000;

/** What processes that were killed have left in a sorted set: members whose time is over. */
async function leave(key: string, score: (i: number) => number, members = dead): Promise<void> {
  const pairs = Array.from({ length: members }, (_, i) => [score(i), `dead ${i}`]).flat();
  await client.zadd(key, ...pairs);
  await client.pexpire(key, 600_000);
}

/** How many commands the server runs for one call, those inside of scripts included. */
async function cost(work: () => Promise<unknown>): Promise<number> {
  const counts = await countCommands([redis], work);
  return Object.values(counts).reduce((sum, calls) => sum + calls, 0);
}

const past = () => Date.now() - 10_000;

it("removes the dead waiters of a line a hundred at a time, until the first of the living has its turn", async () => {
  const order = firstComeFirstServed();
  const locks = createLock(redis, { prefix: "line", ttl, order });
  await locks.run("a", () => {});
  await leave("lock:line:{a}:line", (i) => i + 1);
  await leave("lock:line:{a}:alive", past);
  const each: number[] = [];
  const granted: boolean[] = [];
  while (!granted.includes(true)) {
    each.push(await cost(async () => granted.push((await locks.tryAcquire("a")) !== null)));
  }
  expect(each).toHaveLength(dead / 100);
  expect(Math.max(...each)).toBeLessThan(250);
  expect(await client.exists("lock:line:{a}:line", "lock:line:{a}:alive")).toBe(0);
});

it("bounds the signs of life that lie too far ahead a hundred at a time", async () => {
  const locks = createLock(redis, { prefix: "ahead", ttl, order: firstComeFirstServed() });
  await locks.run("a", () => {});
  await leave("lock:ahead:{a}:line", (i) => i + 1);
  await leave("lock:ahead:{a}:alive", () => Date.now() + 600_000);
  expect(await cost(() => locks.tryAcquire("a"))).toBeLessThan(250);
  expect(await client.zcount("lock:ahead:{a}:alive", Date.now() + 60_000, "+inf")).toBe(dead - 100);
});

it("removes readers that have died a hundred at a time, and lets a writer in meanwhile", async () => {
  const { read, write } = createReadWriteLock(redis, { prefix: "readers", ttl });
  for (const side of [read, write]) await side.run("a", () => {});
  const readers = "read-write:readers:{a}:readers";
  await leave(readers, past);
  const reader = await read.acquire("a");
  expect(await write.tryAcquire("a")).toBeNull();
  // Nobody asks meanwhile: only what the release does is counted.
  expect(await cost(() => reader.release())).toBeLessThan(150);
  const writer = await write.acquire("a");
  await writer.release();
  const left = await client.zcard(readers);
  expect(left).toBeLessThan(dead);
  expect(await cost(() => read.tryAcquire("a"))).toBeLessThan(40);
  expect(await client.zcard(readers)).toBe(left - 100 + 1);
});

it("wakes a writer when the last living reader has gone, whatever the dead have left", async () => {
  const { read, write } = createReadWriteLock(redis, { prefix: "last", ttl, patience: 60_000 });
  const reader = await read.acquire("a");
  await leave("read-write:last:{a}:readers", past);
  const subscriber = client.duplicate();
  const heard = new Promise((resolve) => subscriber.once("message", resolve));
  await subscriber.subscribe("read-write:last:{a}:wanted");
  const waiting = write.acquire("a");
  while ((await client.exists("read-write:last:{a}:wanted")) === 0);
  await reader.release();
  await heard;
  expect(await (await waiting).release()).toBe(true);
  subscriber.disconnect();
});

it("counts the living in a semaphore, however many have died in it", async () => {
  const places = createSemaphore(redis, { prefix: "places", ttl, limit: 3 });
  await places.run("a", () => {});
  await leave("semaphore:places:{a}", past);
  const leases = [];
  for (let i = 0; i < 3; i += 1) leases.push(await places.acquire("a"));
  expect(await places.tryAcquire("a")).toBeNull();
  expect((await places.inspect("a")).remaining).toBeGreaterThan(20_000);
  expect(await cost(() => places.tryAcquire("a"))).toBeLessThan(20);
  expect(await client.zcard("semaphore:places:{a}")).toBe(dead - 5 * 100 + 3);
  for (const lease of leases) expect(await lease.release()).toBe(true);
});

it("remembers two hundred tokens that were given up, for a minute, and no more", async () => {
  const port = withFaults(redis, { only: ([name]) => name === "EVALSHA" });
  const locks = createLock(port, { prefix: "gone", ttl });
  await locks.run("a", () => {});
  const late = [];
  for (let i = 0; i < 250; i += 1) {
    const request = port.holdRequest();
    const controller = new AbortController();
    const asking = locks.tryAcquire("a", { signal: controller.signal }).catch(() => {});
    await request.reached;
    controller.abort();
    await asking;
    late.push(request);
  }
  while ((await client.strlen("lock:gone:{a}:gone")) < 200 * 37);
  // The last of them may still be on its way.
  await redis.send(["PING"]);
  expect(await client.strlen("lock:gone:{a}:gone")).toBe(200 * 37);
  expect(await client.pttl("lock:gone:{a}:gone")).toBeGreaterThan(50_000);
  expect(await client.pttl("lock:gone:{a}:gone")).toBeLessThanOrEqual(60_000);
  // The last two hundred are refused; what was forgotten costs one lease.
  for (const request of late.slice(-150)) await request.arrive();
  expect((await locks.inspect("a")).held).toBe(false);
  await late[0]?.arrive();
  expect((await locks.inspect("a")).held).toBe(true);
});

it("costs five commands to claim and three to release, one trip each", async () => {
  const locks = createLock(redis, { prefix: "cost", ttl });
  await locks.run("a", () => {});
  let lease = null;
  expect(await cost(async () => (lease = await locks.tryAcquire("a")))).toBe(1 + 5);
  expect(lease).not.toBeNull();
  expect(await cost(() => locks.tryAcquire("a"))).toBe(1 + 3);
  expect(await cost(async () => (await locks.acquire("b")).release())).toBe(2 + 5 + 3);
});

it("asks for nothing back that Redis refused for the moment, and does not wait once more for that", async () => {
  const scripts = new Set<unknown>();
  const faulty = withFaults(redis, {
    only: ([name, script]) => {
      if (name === "EVALSHA") scripts.add(script);
      return name === "EVALSHA";
    },
  });
  const locks = createLock(faulty, { prefix: "refused", ttl });
  await (await locks.acquire("one")).release();
  scripts.clear();
  faulty.refuse("READONLY You can't write against a read only replica.", 1_000);
  await expect(locks.acquire("two", { wait: 50 })).rejects.toMatchObject({ code: "READONLY" });
  await expect(locks.tryAcquire("two")).rejects.toMatchObject({ code: "READONLY" });
  expect(scripts.size, "different scripts: no release").toBe(1);
});

it("does not hold up a caller that has left, while what it may have is given back", async () => {
  const faulty = withFaults(ioredis(client, { timeout: 60_000 }));
  const locks = createLock(faulty, { prefix: "left", ttl });
  await (await locks.acquire("one")).release();
  const request = faulty.holdRequest();
  const leave = new AbortController();
  const asking = locks.acquire("two", { signal: leave.signal });
  await request.reached;
  const resume = faulty.pause();
  leave.abort(new Error("left"));
  // The release waits until Redis goes on.
  await expect(asking).rejects.toThrow("left");
  resume();
  await request.arrive();
});

it("knows an outage that follows a passing state, and does not wait for that", async () => {
  const faulty = withFaults(ioredis(client, { timeout: 300 }));
  const locks = createLock(faulty, { prefix: "then away", ttl });
  await (await locks.acquire("one")).release();
  faulty.refuse("READONLY You can't write against a read only replica.", 1_000);
  const outcome = locks.acquire("two").catch((error: unknown) => error);
  // The first question has failed by then, and the second is under way.
  await new Promise((resolve) => setTimeout(resolve, 450));
  faulty.reset();
  const resume = faulty.pause();
  expect(await outcome).toMatchObject({ code: "TIMEOUT" });
  resume();
});
