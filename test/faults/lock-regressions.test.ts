// Defects of other locks, each measured with the library that it names, and the same done with this one.
import { Redis as Client } from "ioredis";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ConnectionError, ReplyError } from "../../src/core/errors.ts";
import { LockBusyError, LockLostError } from "../../src/core/patterns/lock/errors.ts";
import {
  createLock,
  createReadWriteLock,
  createSemaphore,
  firstComeFirstServed,
  type Locks,
  watchdog,
} from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { onStandaloneBackends, patient, type StandaloneBackend } from "../support/backends.ts";
import { onLockClock } from "../fixtures/lock-clock.ts";
import { createHistory, violations } from "../support/history.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { abortsBefore } from "../support/timer.ts";

onStandaloneBackends("defects of other locks, not here:", (backend) => {
  describe("redlock:", () => {
    redlock(backend);
  });
  describe("@sesamecare-oss/redlock:", () => {
    sesamecare(backend);
  });
  describe("redlock-universal:", () => {
    universal(backend);
  });
  describe("redis-semaphore:", () => {
    semaphore(backend);
  });
  describe("@upstash/lock:", () => {
    upstashLock(backend);
  });
  describe("@upstash/redis, verrou, bullmq:", () => {
    others(backend);
  });
});

function redlock(backend: StandaloneBackend): void {
  const prefix = `${backend.prefix}:redlock`;

  backend.it("1. a lease whose grant arrives after its deadline is returned as held", async () => {
    const redis = await backend.connect();
    const types: string[] = [];
    const locks = createLock(redis, { ttl: 300, prefix, onEvent: ({ type }) => types.push(type) });
    await createLock(redis, { ttl: 10_000, prefix }).run("warm", () => {});
    backend.server.pause();
    const resume = setTimeout(() => backend.server.resume(), 600);
    try {
      expect(await locks.tryAcquire("late")).toBeNull();
    } finally {
      clearTimeout(resume);
      backend.server.resume();
    }
    expect(types).toEqual(["ttl-too-short"]);
    expect(await locks.inspect("late")).toEqual({ held: false, remaining: 0 });
  });

  backend.it("2. a lease that was got after waiting has run out already", async () => {
    const locks = createLock(await backend.connect(), { ttl: 400, wait: 5_000, prefix });
    await locks.acquire("waited");
    await using next = await locks.acquire("waited", { ttl: 60_000 });
    expect(next.remaining).toBeGreaterThan(30_000);
    await next.extend();
  });

  it("3. the holder whose reply was lost is locked out by itself until the ttl is over", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const locks = createLock(redis, { ttl: 10_000, wait: 5_000, prefix });
    await locks.run("warm", () => {});
    proxy.cutReplies();
    const start = performance.now();
    const lease = await locks.acquire("self");
    expect(proxy.cuts).toBe(1);
    expect(performance.now() - start).toBeLessThan(8_000);
    expect(await lease.release()).toBe(true);
  });

  it("4. a failing release hides the body's error, and costs seconds (verrou: hides it too)", async () => {
    const redis = await backend.connect();
    let broken = false;
    const failing: Redis = {
      ...redis,
      send: (command, options) =>
        broken ? Promise.reject(new ConnectionError("cut", "unknown")) : redis.send(command, options),
    };
    const types: string[] = [];
    const locks = createLock(failing, { ttl: 5_000, prefix, onEvent: ({ type }) => types.push(type) });
    const failure = new Error("BUSINESS ERROR");
    let failedAt = 0;
    const body = () => {
      broken = true;
      failedAt = performance.now();
      return Promise.reject(failure);
    };
    await expect(locks.run("masked", body)).rejects.toBe(failure);
    // Long before the lease would be over.
    expect(performance.now() - failedAt).toBeLessThan(4_000);
    expect(types).toContain("release-failed");
  });

  it("5. busy, refused and unreachable are one error (redlock-universal: unreachable is free)", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, wait: 0, prefix });
    await using lease = await locks.acquire("classes");
    await expect(locks.acquire(lease.name)).rejects.toThrow(LockBusyError);
    await redis.send(["SADD", `lock:${prefix}:{typed}`, "a"]);
    await redis.send(["PEXPIRE", `lock:${prefix}:{typed}`, 60_000]);
    await expect(locks.acquire("typed")).rejects.toThrow(ReplyError);
    const dead: Redis = { ...redis, send: () => Promise.reject(new ConnectionError("down", false)) };
    await expect(createLock(dead, { ttl: 1_000, prefix }).acquire("a")).rejects.toThrow(ConnectionError);
    await expect(createLock(dead, { ttl: 1_000, prefix }).inspect("a")).rejects.toThrow(ConnectionError);
  });

  backend.it(
    "6. the body runs on for 2 s after its lease while Redis stands still (redlock-universal, redis-semaphore: too)",
    async () => {
      const redis = await backend.connect();
      const locks = createLock(redis, { ttl: 1_000, prefix, watchdog: watchdog() });
      let deadline = 0;
      let firedAt = 0;
      let inTime: Promise<boolean> | undefined;
      const lost = locks
        .run("stalled", async ({ signal, remaining }) => {
          deadline = performance.now() + remaining;
          backend.server.pause();
          inTime = abortsBefore(deadline + 50, signal);
          await inTime;
          firedAt = performance.now();
        })
        .catch((error: unknown) => error)
        .finally(() => backend.server.resume());
      expect(await lost).toBeInstanceOf(LockLostError);
      expect(firedAt).toBeGreaterThan(deadline - 50);
      expect(await inTime).toBe(true);
    },
  );
}

function sesamecare(backend: StandaloneBackend): void {
  it("1. the lock of a client on database 5 lands in database 0", async () => {
    const client = new Client({ host: backend.server.host, port: backend.server.port, db: 5 });
    try {
      const lease = await createLock(ioredis(client), { ttl: 10_000, prefix: backend.prefix }).acquire("db");
      const key = `lock:${backend.prefix}:{db}`;
      expect(await client.exists(key)).toBe(1);
      expect(await backend.servers[0]?.send(["EXISTS", key])).toBe(0);
      expect(await lease.release()).toBe(true);
    } finally {
      client.disconnect();
    }
  });

  it("2. a cycle changes the database twice", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix: backend.prefix });
    await locks.run("cycle", () => {});
    const counts = await backend.count(() => locks.run("cycle", () => {}));
    expect(counts).toEqual({ evalsha: 2, set: 2, time: 1, get: 1, mget: 2, del: 1, setrange: 1 });
  });
}

function universal(backend: StandaloneBackend): void {
  const prefix = `${backend.prefix}:universal`;

  it("1. one failed extension ends a lease that has 20% left", async () => {
    const redis = await backend.connect();
    let cut = 0;
    const flaky: Redis = {
      ...redis,
      send: (command, options) => {
        const [name, , keys, , , ttl] = command;
        if (cut === 2 || name !== "EVALSHA" || keys !== 1 || Number(ttl) !== 9_000) return redis.send(command, options);
        cut += 1;
        return Promise.reject(new ConnectionError("cut", "unknown"));
      },
    };
    const types: string[] = [];
    const onEvent = ({ type }: { readonly type: string }) => void types.push(type);
    const locks = createLock(flaky, { ttl: 9_000, prefix, watchdog: watchdog({ every: 200 }), onEvent });
    await locks.run("flaky", async (lease) => {
      const deadline = performance.now() + lease.remaining;
      while (performance.now() + lease.remaining < deadline + 200) await sleep(20);
      lease.assertHeld();
    });
    expect(cut).toBe(2);
    expect(types.filter((type) => type === "extend-failed")).toHaveLength(2);
    expect(types).not.toContain("lost");
  });
}

function semaphore(backend: StandaloneBackend): void {
  const prefix = `${backend.prefix}:semaphore`;
  afterEach(() => vi.restoreAllMocks());

  backend.it("1. a short lease shrinks a long one: 3 holders of limit 2", async () => {
    const places = createSemaphore(await backend.connect(), { limit: 2, ttl: 10_000, prefix });
    await using long = await places.acquire("shrink");
    const short = await places.acquire("shrink", { ttl: 300 });
    await new Promise((resolve) => short.signal.addEventListener("abort", resolve));
    await using next = await places.acquire("shrink");
    expect(await places.tryAcquire("shrink")).toBeNull();
    long.assertHeld();
    next.assertHeld();
  });

  it("2. a client whose clock is ahead evicts a live holder: 2 holders of limit 1", async () => {
    const redis = await backend.connect();
    const lock = createReadWriteLock(redis, { ttl: 10_000, prefix: `${prefix}:rw` });
    const kinds: readonly (readonly [holds: Locks, asks: Locks])[] = [
      [
        createSemaphore(redis, { limit: 1, ttl: 10_000, prefix }),
        createSemaphore(redis, { limit: 1, ttl: 10_000, prefix }),
      ],
      [
        createLock(redis, { ttl: 10_000, prefix: `${prefix}:l` }),
        createLock(redis, { ttl: 10_000, prefix: `${prefix}:l` }),
      ],
      [lock.read, lock.write],
    ];
    for (const [holds, asks] of kinds) {
      await using lease = await holds.acquire("clock");
      const real = Date.now;
      for (const skew of [15_000, -60_000]) {
        vi.spyOn(Date, "now").mockImplementation(() => real() + skew);
        expect(await asks.tryAcquire("clock")).toBeNull();
      }
      lease.assertHeld();
      vi.restoreAllMocks();
    }
  });

  backend.it(
    "3. while Redis stands still a lease that is over counts as held, and its extensions kill the process",
    async () => {
      const unhandled: unknown[] = [];
      const hear = (error: unknown) => void unhandled.push(error);
      process.on("unhandledRejection", hear);
      const redis = await backend.connect();
      const places = createSemaphore(redis, { limit: 1, ttl: 600, prefix, watchdog: watchdog({ every: 100 }) });
      const lease = await places.acquire("stalled", { wait: 5_000 });
      backend.server.pause();
      try {
        await sleep(1_000);
        expect(lease.signal.aborted).toBe(true);
        expect(lease.remaining).toBe(0);
        expect(() => lease.assertHeld()).toThrow(LockLostError);
      } finally {
        backend.server.resume();
        await redis.send(["PING"]).catch(() => {});
        process.off("unhandledRejection", hear);
      }
      expect(unhandled).toEqual([]);
    },
  );

  it("4. the lost reply of an acquisition leaves a key that nobody can release (@upstash/lock: too)", async () => {
    const redis = await backend.connect();
    let lose = true;
    const deaf: Redis = {
      ...redis,
      async send(command, options) {
        const reply = await redis.send(command, options);
        if (!lose || command[0] !== "EVALSHA") return reply;
        lose = false;
        throw new ConnectionError("The answer was lost", "unknown");
      },
    };
    for (const locks of [
      createLock(deaf, { ttl: 10_000, prefix }),
      createSemaphore(deaf, { limit: 1, ttl: 10_000, prefix }),
    ]) {
      lose = false;
      await locks.run("warm", () => {});
      lose = true;
      await expect(locks.acquire("orphan")).rejects.toThrow(ConnectionError);
      const start = performance.now();
      await (await locks.acquire("orphan")).release();
      expect(performance.now() - start).toBeLessThan(8_000);
      await redis.send(["DEL", `lock:${prefix}:{orphan}`, `semaphore:${prefix}:{orphan}`]);
    }
  });

  backend.it("5. it asks every 10 ms: 50 waiters cost 881 commands", async () => {
    const order = firstComeFirstServed();
    const locks = createLock(await backend.connect(), { ttl: 10_000, wait: 20_000, prefix: `${prefix}:fifo`, order });
    await locks.run("polite", () => {});
    const first = await locks.acquire("polite");
    const served: number[] = [];
    let waited = 0;
    const counts = await backend.count(async () => {
      const start = performance.now();
      const waiters = Array.from({ length: 20 }, (_, i) =>
        locks.run("polite", () => {
          served.push(i);
          waited += performance.now() - start;
        }),
      );
      await sleep(100);
      await first.release();
      await Promise.all(waiters);
    });
    expect(served).toHaveLength(20);
    // An ask and a release for each, and no more than one ask in 20 ms while they wait, however long a busy machine makes that.
    expect(counts["evalsha"]).toBeLessThan(20 * 2 + waited / 20);
  });
}

function upstashLock(backend: StandaloneBackend): void {
  const prefix = `${backend.prefix}:upstash`;

  it("1. extend takes whole seconds only", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_500, prefix });
    await using lease = await locks.acquire("units");
    await lease.extend({ ttl: 60_500 });
    expect((await locks.inspect("units")).remaining).toBeGreaterThan(30_000);
  });

  it("2. extend adds to what is left, and refuses when that is less than half a second", async () => {
    const clock = { now: Date.now() };
    const locks = createLock(onLockClock(await backend.connect(), clock), { ttl: 10_000, prefix });
    await using lease = await locks.acquire("adds");
    await lease.extend({ ttl: 60_000 });
    expect((await locks.inspect("adds")).remaining).toBe(60_000);
    clock.now += 59_900;
    expect((await locks.inspect("adds")).remaining).toBe(100);
    await lease.extend({ ttl: 60_000 });
    expect((await locks.inspect("adds")).remaining).toBe(60_000);
  });

  it("3. a second acquire on the holder's instance wipes its token", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix });
    const lease = await locks.acquire("wiped");
    expect(await locks.tryAcquire("wiped")).toBeNull();
    expect(await lease.release()).toBe(true);
    expect((await locks.inspect("wiped")).held).toBe(false);
  });

  it("4. a lost reply makes a granted lock look busy, and orphans it", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const lock = createReadWriteLock(redis, { ttl: 10_000, prefix });
    const kinds = [createSemaphore(redis, { limit: 1, ttl: 10_000, prefix }), lock.read, lock.write];
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

  it("5. its status says free while another instance holds", async () => {
    const redis = await backend.connect();
    await using lease = await createLock(redis, { ttl: 10_000, prefix }).acquire("status");
    expect((await createLock(redis, { ttl: 10_000, prefix }).inspect(lease.name)).held).toBe(true);
  });

  it("6. one attempt takes two seconds to fail: it sleeps after the last one", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, wait: 0, prefix });
    await using lease = await locks.acquire("once");
    const elapsed = stopwatch();
    const counts = await backend.count(() => expect(locks.acquire(lease.name)).rejects.toThrow(LockBusyError));
    expect(counts["evalsha"]).toBe(1);
    expect(elapsed()).toBeLessThan(1_900);
  });
}

function others(backend: StandaloneBackend): void {
  const prefix = `${backend.prefix}:others`;
  let redis: Redis;
  beforeAll(async () => {
    redis = await backend.connect();
  });

  it("@upstash/redis: an aborted SET NX reads as not acquired", async () => {
    const locks = createLock(redis, { ttl: 10_000, prefix });
    await locks.run("warm", () => {});
    const controller = new AbortController();
    const reason = new Error("the caller left");
    backend.server.pause();
    try {
      const acquiring = locks.tryAcquire("aborted", { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 20);
      await expect(acquiring).rejects.toBe(reason);
    } finally {
      backend.server.resume();
    }
    await using next = await locks.acquire("aborted", { wait: 5_000 });
    next.assertHeld();
  });

  it("@upstash/redis: what looks like a number becomes one", async () => {
    const locks = createLock(redis, { ttl: 10_000, prefix });
    await using lease = await locks.acquire("0012");
    expect([lease.name, typeof lease.fence]).toEqual(["0012", "string"]);
    await using resumed = await locks.resume(lease.serialize());
    expect([resumed.name, typeof resumed.fence]).toEqual(["0012", "string"]);
  });

  it("bullmq: work is not told that its lock was found lost", async () => {
    const locks = createLock(redis, { ttl: 30_000, prefix, watchdog: watchdog({ every: 50 }) });
    const lost = locks.run("told", async ({ signal }) => {
      await redis.send(["DEL", `lock:${prefix}:{told}`]);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    await expect(lost).rejects.toThrow(LockLostError);
  });
}

onStandaloneBackends(
  "defects of redlock-universal under a crowd, not here:",
  (backend) => {
    it("2. 14 of 50 waiters fail with the default settings", async () => {
      const locks = createLock(await backend.connect(), { ttl: 10_000, prefix: backend.prefix });
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
  },
  // Nothing is broken here, and a busy machine may take its time.
  patient,
);
