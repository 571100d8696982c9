import { expect, it } from "vitest";
import { LockBusyError, LockLostError } from "../../src/core/patterns/lock/errors.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import {
  createElection,
  createFenceGuard,
  createLock,
  createManyLocks,
  createReadWriteLock,
  createSemaphore,
  fenceLua,
  firstComeFirstServed,
  type Lease,
  redlockNaming,
  watchdog,
} from "../../src/core/patterns/lock/index.ts";
import { integer } from "../../src/core/port/reply.ts";
import { defineScript } from "../../src/core/script/define-script.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type Backend, bareKeys, onEveryBackend } from "../support/backends.ts";
import { createHistory, violations } from "../support/history.ts";

onEveryBackend(
  "more than a plain lock",
  (backend) => {
    keepingAlive(backend);
    guarding(backend);
    lining(backend);
    many(backend);
    semaphore(backend);
    readWrite(backend);
    election(backend);
    redlock(backend);
  },
  bareKeys,
);

function keepingAlive(backend: Backend): void {
  const prefix = `${backend.prefix}:dog`;

  backend.it("keeps all leases that share it alive while their holders work, and no longer", async () => {
    const dog = watchdog({ every: 100 });
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 60_000, prefix, watchdog: dog });
    const leases: Lease[] = [];
    for (let i = 0; i < 10; i += 1) leases.push(await locks.acquire(`batch ${i}`));
    // The deadlines, which nothing but an extension moves.
    const deadlines = () => leases.map((lease) => performance.now() + lease.remaining);
    const before = deadlines();
    await until(async () => deadlines().every((deadline, i) => deadline > (before[i] ?? Infinity) + 1_000));
    await redis.send(["PEXPIRE", `lock:${prefix}:{batch 9}`, 30_000]);
    await until(async () => (await locks.inspect("batch 9")).remaining > 30_000);
    for (const lease of leases) expect(await lease.release()).toBe(true);
    expect(await locks.inspect("batch 0")).toEqual({ held: false, remaining: 0 });
    const counts = await backend.count(() => sleep(300));
    expect(counts["evalsha"]).toBeUndefined();
  });

  backend.it("stops after maxHold, and the signal says so", async () => {
    const locks = createLock(await backend.connect(), {
      ttl: 250,
      wait: 5_000,
      prefix,
      watchdog: watchdog({ maxHold: 400 }),
    });
    const lease = await locks.acquire("max");
    const start = performance.now();
    await new Promise((resolve) => lease.signal.addEventListener("abort", resolve));
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(lease.signal.reason).toBeInstanceOf(LockLostError);
  });

  it("is left out for one call on request", async () => {
    const locks = createLock(await backend.connect(), { ttl: 150, wait: 5_000, prefix, watchdog: watchdog() });
    const lease = await locks.acquire("off", { watchdog: null });
    await sleep(250);
    expect(lease.signal.aborted).toBe(true);
  });
}

function guarding(backend: Backend): void {
  const prefix = `${backend.prefix}:guard`;

  it("refuses the holder of an older fence", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 100, wait: 5_000, prefix });
    const guard = createFenceGuard(redis, { ttl: 60_000, prefix: `${prefix}:g` });
    const slow = await locks.acquire("doc");
    await sleep(120);
    await using quick = await locks.acquire("doc", { ttl: 10_000 });
    expect(await guard.set("doc", quick.fence, "quick")).toBe(true);
    expect(await guard.set("doc", slow.fence, "slow")).toBe(false);
    expect(await guard.admit("doc", slow.fence)).toBe(false);
    expect(await guard.admit("doc", quick.fence)).toBe(true);
    expect(await guard.set("doc", quick.fence, "again")).toBe(true);
    expect(await guard.get("doc")).toBe("again");
    expect(await guard.get("other")).toBeNull();
    await expect(guard.set("doc", "12x", "v")).rejects.toThrow(/`fence`/);
    expect(() => createFenceGuard(redis, { prefix, ttl: 0 })).toThrow(/`ttl`/);
  });

  it("guards a script of one's own", async () => {
    const redis = await backend.connect();
    const debit = defineScript({
      keys: ["guard", "balance"],
      args: ["fence", "amount"],
      decode: integer,
      lua: `${fenceLua}
if not admit(guard, fence, 60000) then return -1 end
local left = redis.call("DECRBY", balance, amount)
redis.call("PEXPIRE", balance, 60000)
return left`,
    });
    const keys = { guard: `shop:${prefix}:{acc}:fence`, balance: `shop:${prefix}:{acc}` };
    await redis.send(["SET", keys.balance, 10, "PX", 60_000]);
    expect(await debit(redis, { ...keys, fence: "200", amount: 3 })).toBe(7);
    expect(await debit(redis, { ...keys, fence: "99", amount: 3 })).toBe(-1);
    expect(await redis.send(["GET", keys.balance])).toBe("7");
  });
}

function lining(backend: Backend): void {
  const prefix = `${backend.prefix}:line`;

  it("grants the lock in the order of arrival, and nobody overtakes", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, wait: 15_000, prefix, order: firstComeFirstServed() });
    const first = await locks.acquire("fifo");
    const served: number[] = [];
    const waiters: Promise<void>[] = [];
    for (let i = 0; i < 8; i += 1) {
      waiters.push(locks.run("fifo", async () => void served.push(i)));
      await until(async () => (await redis.send(["ZCARD", `lock:${prefix}:{fifo}:line`])) === i + 1);
    }
    await first.release();
    expect(await locks.tryAcquire("fifo")).toBeNull();
    await Promise.all(waiters);
    expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await redis.send(["EXISTS", `lock:${prefix}:{fifo}:line`])).toBe(0);
  });

  it("passes over a waiter that died, and one that gave up", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, {
      ttl: 10_000,
      wait: 10_000,
      prefix,
      order: firstComeFirstServed({ patience: 600 }),
    });
    const first = await locks.acquire("dead");
    // What a process that was killed while it waited leaves behind.
    await redis.send(["ZADD", `lock:${prefix}:{dead}:line`, 1, "killed"]);
    await redis.send(["ZADD", `lock:${prefix}:{dead}:alive`, Date.now() + 300, "killed"]);
    const gaveUp = locks.acquire("dead", { wait: 200 });
    await expect(gaveUp).rejects.toThrow(LockBusyError);
    const start = performance.now();
    await first.release();
    await using second = await locks.acquire("dead");
    second.assertHeld();
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("does not wait for a line whose signs of life were evicted", async () => {
    const redis = await backend.connect();
    const order = firstComeFirstServed();
    const locks = createLock(redis, { ttl: 10_000, wait: 10_000, prefix, order });
    const first = await locks.acquire("evicted");
    await redis.send(["ZADD", `lock:${prefix}:{evicted}:line`, 1, "forgotten"]);
    await redis.send(["PEXPIRE", `lock:${prefix}:{evicted}:line`, 60_000]);
    const next = locks.acquire("evicted");
    await until(async () => (await redis.send(["ZCARD", `lock:${prefix}:{evicted}:alive`])) === 1);
    await first.release();
    expect(await (await next).release()).toBe(true);
  });
}

function many(backend: Backend): void {
  const prefix = `${backend.prefix}:many`;

  it("takes all names or none, in one order for everybody", async () => {
    const redis = await backend.connect();
    const both = createManyLocks(redis, { ttl: 10_000, prefix });
    const single = createLock(redis, { ttl: 10_000, prefix });
    const b = await single.acquire("b");
    expect(await both.tryAcquireAll(["a", "b"])).toBeNull();
    expect(await single.inspect("a")).toEqual({ held: false, remaining: 0 });
    await b.release();
    const lease = await both.acquireAll(["b", "a", "b"]);
    expect(lease.names).toEqual(["a", "b"]);
    expect([...lease.fences.keys()]).toEqual(["a", "b"]);
    for (const fence of lease.fences.values()) expect(fence).toMatch(/^\d{16}$/);
    expect(BigInt(lease.fences.get("b") ?? 0)).toBeGreaterThan(BigInt(b.fence));
    expect(await single.tryAcquire("a")).toBeNull();
    await lease.extend({ ttl: 20_000 });
    expect(lease.remaining).toBeGreaterThan(15_000);
    expect((await single.inspect("b")).remaining).toBeGreaterThan(15_000);
    expect(await lease.release()).toBe(true);
    expect([await single.inspect("a"), await single.inspect("b")].map(({ held }) => held)).toEqual([false, false]);
    for (const names of [[], "ab", undefined]) {
      await expect(both.acquireAll(names as string[])).rejects.toThrow(/`names`/);
    }
  });

  backend.it("never blocks two who ask for the same names in another order", async () => {
    const redis = await backend.connect();
    const locks = createManyLocks(redis, { ttl: 10_000, wait: 15_000, prefix });
    const history = createHistory();
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const names = i % 2 ? ["x", "y", "z"] : ["z", "y", "x"];
        await using lease = await locks.acquireAll(names);
        const stay = history.enter(`asker ${i}`, lease.fences.get("y") ?? "");
        await sleep(1);
        stay.leave();
      }),
    );
    expect(history.stays).toHaveLength(20);
    expect(violations(history.stays)).toEqual([]);
  });
}

function semaphore(backend: Backend): void {
  const prefix = `${backend.prefix}:sem`;

  it("lets at most `limit` in, and one more after each release", async () => {
    const ports = await Promise.all([backend.connect(), backend.connect()]);
    const history = createHistory();
    await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const redis = ports[i % 2] ?? ports[0];
        const places = createSemaphore(redis, { limit: 3, ttl: 10_000, wait: 15_000, prefix });
        await places.run("three", async ({ fence }) => {
          const stay = history.enter(`holder ${i}`, fence);
          // The first to come in waits for a second, for which there is room.
          do await sleep(3);
          while (history.most < 2);
          stay.leave();
        });
      }),
    );
    expect(history.stays).toHaveLength(30);
    expect(history.most).toBeLessThanOrEqual(3);
    expect(history.most).toBeGreaterThan(1);
  });

  it("tells how long it is full, extends a place, and refuses to extend a lost one", async () => {
    const places = createSemaphore(await backend.connect(), { limit: 2, ttl: 60_000, prefix });
    const one = await places.acquire("full", { ttl: 10_000 });
    expect(await places.inspect("full")).toEqual({ held: false, remaining: 0 });
    await using second = await places.acquire("full");
    expect(second.remaining).toBeGreaterThan(30_000);
    expect(await places.tryAcquire("full")).toBeNull();
    const full = await places.inspect("full");
    expect(full.held).toBe(true);
    expect(full.remaining).toBeLessThanOrEqual(10_000);
    await one.extend({ ttl: 40_000 });
    expect((await places.inspect("full")).remaining).toBeGreaterThan(10_000);
    await one.release();
    await using three = await places.acquire("full", { ttl: 100 });
    await sleep(150);
    await expect(three.extend()).rejects.toThrow(LockLostError);
    expect(() => createSemaphore({ send: noop, pipeline: noop } as never, { prefix, limit: 0, ttl: 10 })).toThrow(
      /`limit`/,
    );
  });

  it("regression: two holders with different ttl never shrink each other's lease (redis-semaphore: 3 holders of limit 2)", async () => {
    const redis = await backend.connect();
    const long = createSemaphore(redis, { limit: 2, ttl: 10_000, prefix });
    const short = createSemaphore(redis, { limit: 2, ttl: 150, wait: 5_000, prefix });
    await using a = await long.acquire("shrink");
    const b = await short.acquire("shrink");
    await sleep(250);
    await using c = await short.acquire("shrink", { ttl: 5_000 });
    expect(await short.tryAcquire("shrink")).toBeNull();
    a.assertHeld();
    c.assertHeld();
    expect(b.signal.aborted).toBe(true);
  });
}

function readWrite(backend: Backend): void {
  const prefix = `${backend.prefix}:rw`;

  it("lets readers in together and writers alone", async () => {
    const lock = createReadWriteLock(await backend.connect(), { ttl: 10_000, prefix });
    const a = await lock.read.acquire("doc");
    const b = await lock.read.acquire("doc");
    expect((await lock.read.inspect("doc")).held).toBe(true);
    expect(await lock.write.tryAcquire("doc")).toBeNull();
    await b.extend();
    await a.release();
    expect(await lock.write.tryAcquire("doc")).toBeNull();
    await b.release();
    await using writer = await lock.write.acquire("doc");
    expect((await lock.write.inspect("doc")).held).toBe(true);
    expect(await lock.read.tryAcquire("doc")).toBeNull();
    expect(await lock.write.tryAcquire("doc")).toBeNull();
    await writer.extend();
    expect(BigInt(writer.fence)).toBeGreaterThan(BigInt(b.fence));
  });

  it("lets a waiting writer in before readers who come later, and readers before writers who come later", async () => {
    const redis = await backend.connect();
    const lock = createReadWriteLock(redis, { ttl: 10_000, wait: 10_000, prefix });
    const waiting = (line: string, n: number) =>
      until(async () => (await redis.send(["ZCARD", `read-write:${prefix}:{turns}:${line}-line`])) === n);
    const reader = await lock.read.acquire("turns");
    const served: string[] = [];
    const writes = [lock.write.run("turns", () => void served.push("writer 1"))];
    await waiting("write", 1);
    expect(await lock.read.tryAcquire("turns")).toBeNull();
    const reads = [1, 2].map((i) => lock.read.run("turns", () => void served.push(`reader ${i}`)));
    await waiting("read", 2);
    writes.push(lock.write.run("turns", () => void served.push("writer 2")));
    await waiting("write", 2);
    await reader.release();
    await Promise.all([...reads, ...writes]);
    expect([served[0], served[3]]).toEqual(["writer 1", "writer 2"]);
    expect(served.slice(1, 3).toSorted()).toEqual(["reader 1", "reader 2"]);
  });

  it("passes a dead reader's and a dead writer's lease on after their ttl", async () => {
    const lock = createReadWriteLock(await backend.connect(), { ttl: 150, wait: 5_000, prefix });
    await lock.read.acquire("crash");
    await lock.write.acquire("crash");
    await using reader = await lock.read.acquire("crash", { ttl: 10_000 });
    expect(reader.remaining).toBeGreaterThan(0);
  });
}

function election(backend: Backend): void {
  const prefix = `${backend.prefix}:vote`;

  it("has one leader at a time, with a rising term, and passes on after a resignation", async () => {
    const redis = await backend.connect();
    const history = createHistory();
    const events: PatternEvent[] = [];
    const candidate = (id: number) =>
      createElection(redis, { name: "boss", ttl: 2_000, prefix, onEvent: (event) => events.push(event) }).campaign(
        async ({ term }) => {
          const stay = history.enter(`candidate ${id}`, term);
          await sleep(10);
          stay.leave();
        },
      );
    await Promise.all([1, 2, 3].map(candidate));
    expect(history.stays).toHaveLength(3);
    expect(violations(history.stays)).toEqual([]);
    expect(events.filter(({ type }) => type === "acquired")).toHaveLength(3);
  });

  it("tells a leader that it has lost, and lets it stand again after that", async () => {
    const redis = await backend.connect();
    const stop = new AbortController();
    const terms: string[] = [];
    const election = createElection(redis, { name: "lost", ttl: 300, prefix });
    const campaign = election.campaign(
      async ({ signal, term }) => {
        terms.push(term);
        if (terms.length === 2) stop.abort();
        else await redis.send(["DEL", `election:${prefix}:{lost}`]);
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
      { signal: stop.signal },
    );
    await campaign;
    expect(terms).toHaveLength(2);
    expect(terms.toSorted()).toEqual(terms);
    expect(await election.inspect()).toEqual({ held: false, remaining: 0 });
  });

  it("resigns and fails when the leader's work fails", async () => {
    const election = createElection(await backend.connect(), { name: "fails", ttl: 2_000, prefix });
    const failure = new Error("cannot lead");
    await expect(election.campaign(() => Promise.reject(failure))).rejects.toBe(failure);
    expect((await election.inspect()).held).toBe(false);
  });
}

function redlock(backend: Backend): void {
  it("excludes processes that use redlock on the same name, and is excluded by them", async () => {
    const redis = await backend.connect();
    const name = `${backend.prefix}:locks:{invoice}:7`;
    const locks = createLock(redis, { prefix: backend.prefix, ttl: 10_000, naming: redlockNaming() });
    expect(await redlockAcquire(redis, { lock: name, token: "theirs", ttl: 10_000 })).toBe(1);
    expect(await locks.tryAcquire(name)).toBeNull();
    await redis.send(["DEL", name]);
    await using lease = await locks.acquire(name);
    expect(await redlockAcquire(redis, { lock: name, token: "theirs", ttl: 10_000 })).toBe(0);
    await lease.extend();
    const plain = await locks.acquire(`${backend.prefix}-plain`);
    await plain.release();
  });
}

/** What redlock 5 runs to acquire one resource. */
const redlockAcquire = defineScript({
  keys: ["lock"],
  args: ["token", "ttl"],
  decode: integer,
  lua: `
if redis.call("exists", lock) == 1 then return 0 end
redis.call("set", lock, token, "PX", ttl)
return 1`,
});

function noop(): void {}

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await sleep(5);
}
