import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import { LockBusyError, LockLostError } from "../../src/core/patterns/lock/errors.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { createLock, firstComeFirstServed, wakeBySubscriber, watchdog } from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type Backend, onEveryBackend } from "../support/backends.ts";
import { createHistory, violations } from "../support/history.ts";
import { abortsBefore } from "../support/timer.ts";

const oddNames = ["a:b", "{x}", "*", "ü", "a b\n", "%7B", "🔒", "x".repeat(10_000)];

onEveryBackend("a lock", (backend) => {
  acquiring(backend);
  holding(backend);
  contention(backend);
  misuse(backend);
});

function acquiring(backend: Backend): void {
  const prefix = `${backend.prefix}:acquire`;

  it("is granted to one of two, and to the other after the release", async () => {
    const locks = createLock(await backend.connect(), { ttl: 60_000, prefix });
    const others = createLock(await backend.connect(), { ttl: 60_000, prefix });
    const lease = await locks.tryAcquire("two");
    expect(lease?.name).toBe("two");
    expect(await others.tryAcquire("two")).toBeNull();
    expect(await lease?.release()).toBe(true);
    await using second = await others.acquire("two");
    expect(second.remaining).toBeGreaterThan(30_000);
    expect(second.remaining).toBeLessThanOrEqual(59_400);
  });

  it("costs one command to acquire and one to release, also the first time after SCRIPT FLUSH", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix });
    await (await locks.acquire("cost")).release();
    const counts = await backend.count(async () => {
      const lease = await locks.acquire("cost");
      await lease.release();
    });
    expect(counts["evalsha"]).toBe(2);
    expect(counts["eval"]).toBeUndefined();
    await Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));
    const lease = await locks.acquire("cost");
    await Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));
    await lease.extend();
    await Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));
    expect(await lease.release()).toBe(true);
  });

  it("gives every lease a larger fence, also when its counter was lost", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, prefix });
    const fences: string[] = [];
    for (let i = 0; i < 5; i += 1) await locks.run("fence", ({ fence }) => fences.push(fence));
    expect(await redis.send(["DEL", `lock:${prefix}:{fence}:fence`])).toBe(1);
    for (let i = 0; i < 5; i += 1) await locks.run("fence", ({ fence }) => fences.push(fence));
    for (const fence of fences) expect(fence).toMatch(/^\d{16}$/);
    expect(fences.toSorted()).toEqual(fences);
    expect(new Set(fences).size).toBe(10);
  });

  it("draws a fence above the last one even if the server's clock has stepped back", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, prefix });
    const ahead = String(Math.round(Date.now() * 1_000 + 3_600_000_000));
    await redis.send(["SET", `lock:${prefix}:{clock}:fence`, `${ahead} ${ahead} `, "PX", 60_000]);
    await using lease = await locks.acquire("clock");
    expect(BigInt(lease.fence)).toBe(BigInt(ahead) + 1n);
  });

  it.each(oddNames.map((name) => [name.slice(0, 12), name] as const))("takes the name %s", async (_, name) => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix });
    await using lease = await locks.acquire(name);
    expect(lease.name).toBe(name);
    expect(await locks.tryAcquire(name)).toBeNull();
    await lease.extend();
  });

  it("keeps names apart that look alike in a key", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix });
    await using a = await locks.acquire("{y}");
    await using b = await locks.acquire("y");
    await using c = await locks.acquire("y}:{fence");
    await using d = await locks.acquire("%7By%7D");
    expect(new Set([a, b, c, d].map(({ fence }) => fence)).size).toBe(4);
  });

  it("tells in what state a name is", async () => {
    const locks = createLock(await backend.connect(), { ttl: 60_000, prefix });
    expect(await locks.inspect("state")).toEqual({ held: false, remaining: 0 });
    await using lease = await locks.acquire("state");
    const state = await locks.inspect(lease.name);
    expect(state.held).toBe(true);
    expect(state.remaining).toBeGreaterThan(30_000);
    expect(state.remaining).toBeLessThanOrEqual(60_000);
    expect(await backend.count(() => locks.inspect("state"))).toEqual({ pttl: 1 });
  });
}

function holding(backend: Backend): void {
  const prefix = `${backend.prefix}:hold`;

  it("aborts its signal at the deadline, and then the name is free for others", async () => {
    const locks = createLock(await backend.connect(), { ttl: 300, wait: 5_000, prefix });
    const lease = await locks.acquire("deadline");
    const deadline = performance.now() + lease.remaining;
    expect(await abortsBefore(deadline + 50, lease.signal)).toBe(true);
    expect(performance.now()).toBeGreaterThan(deadline - 50);
    expect(lease.signal.reason).toBeInstanceOf(LockLostError);
    expect(lease.remaining).toBe(0);
    expect(() => lease.assertHeld()).toThrow(LockLostError);
    await expect(lease.extend()).rejects.toThrow(LockLostError);
    await using next = await locks.acquire("deadline", { ttl: 10_000 });
    expect(await lease.release()).toBe(false);
    next.assertHeld();
    expect(await locks.tryAcquire("deadline")).toBeNull();
  });

  it("lasts longer after an extension, and never shorter", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, wait: 5_000, prefix });
    await using lease = await locks.acquire("extend");
    await lease.extend({ ttl: 60_000 });
    expect(lease.remaining).toBeGreaterThan(30_000);
    await lease.extend();
    expect(lease.remaining).toBeGreaterThan(30_000);
    expect((await locks.inspect("extend")).remaining).toBeGreaterThan(30_000);
    expect(lease.signal.aborted).toBe(false);
  });

  it("can be extended and released by its holder only", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, prefix });
    const lease = await locks.acquire("owner");
    const key = `lock:${prefix}:{owner}`;
    await redis.send(["SET", key, "somebody else", "PX", 10_000]);
    await expect(lease.extend()).rejects.toThrow(LockLostError);
    expect(lease.signal.aborted).toBe(true);
    expect(await lease.release()).toBe(false);
    expect(await redis.send(["GET", key])).toBe("somebody else");
  });

  it("reports a release that Redis knew nothing of", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, prefix });
    const lost = locks.run("evicted", () => redis.send(["DEL", `lock:${prefix}:{evicted}`]));
    await expect(lost).rejects.toThrow(LockLostError);
  });

  it("is released when its scope ends, and once only", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix });
    const counts = await backend.count(async () => {
      await using lease = await locks.acquire("scope");
      await lease.release();
    });
    expect(counts["evalsha"]).toBe(2);
    expect(await locks.inspect("scope")).toEqual({ held: false, remaining: 0 });
  });

  it("goes on in another process with what the first one serialized", async () => {
    const here = createLock(await backend.connect(), { ttl: 10_000, prefix });
    const there = createLock(await backend.connect(), { ttl: 10_000, prefix });
    await using lease = await here.acquire("hand-off");
    const text = lease.serialize();
    expect(lease.remaining).toBe(0);
    expect(await lease.release()).toBe(false);
    await expect(lease.extend()).rejects.toThrow(OptionError);
    await using resumed = await there.resume(text);
    expect(resumed.name).toBe("hand-off");
    expect(BigInt(resumed.fence)).toBeGreaterThan(BigInt(lease.fence));
    expect(await here.tryAcquire("hand-off")).toBeNull();
    expect(await resumed.release()).toBe(true);
    await expect(there.resume(text)).rejects.toThrow(LockLostError);
  });

  it("runs the work under the lease, and gives its result or its error", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix });
    const result = await locks.run("run", async ({ signal, fence }) => [signal.aborted, fence.length]);
    expect(result).toEqual([false, 16]);
    const failure = new Error("the work failed");
    await expect(locks.run("run", () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await locks.inspect("run")).toEqual({ held: false, remaining: 0 });
  });

  it("reports work that ended after its lease", async () => {
    const locks = createLock(await backend.connect(), { ttl: 100, wait: 5_000, prefix });
    const late = await locks.run("late", () => sleep(200)).catch((error: unknown) => error);
    expect(late).toBeInstanceOf(LockLostError);
    expect(late instanceof LockLostError && late.lateBy).toBeGreaterThan(80);
    const failure = new Error("the work failed");
    const body = async () => {
      await sleep(200);
      throw failure;
    };
    await expect(locks.run("late", body)).rejects.toBe(failure);
  });
}

function contention(backend: Backend): void {
  const prefix = `${backend.prefix}:contend`;

  backend.it("never lets two of 50 contenders in", async () => {
    const ports = await Promise.all(Array.from({ length: 5 }, () => backend.connect()));
    const history = createHistory();
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const redis = ports[i % ports.length] ?? ports[0];
        if (!redis) throw new Error("no port");
        const locks = createLock(redis, { ttl: 10_000, wait: 40_000, prefix });
        await locks.run("fifty", async ({ fence }) => {
          const stay = history.enter(`contender ${i}`, fence);
          await sleep(Math.random() * 4);
          stay.leave();
        });
      }),
    );
    expect(history.stays).toHaveLength(50);
    expect(history.most).toBe(1);
    expect(violations(history.stays)).toEqual([]);
  });

  it("waits no longer than it was told, and says so", async () => {
    const locks = createLock(await backend.connect(), { ttl: 60_000, prefix });
    await using _ = await locks.acquire("busy");
    const start = performance.now();
    const error = await locks.acquire("busy", { wait: 500 }).catch((error: unknown) => error);
    const elapsed = performance.now() - start;
    expect(error).toBeInstanceOf(LockBusyError);
    if (!(error instanceof LockBusyError)) return;
    expect(error).toMatchObject({ code: "LOCK_BUSY", lock: "busy" });
    expect(error.waited).toBeGreaterThanOrEqual(500);
    expect(error.attempts).toBeGreaterThan(1);
    expect(error.remaining).toBeGreaterThan(30_000);
    // Neither the ten seconds that it waits by default nor the minute of the holder.
    expect(elapsed).toBeLessThan(9_000);
    const once = await locks.acquire("busy", { wait: 0 }).catch((error: unknown) => error);
    expect(once).toMatchObject({ attempts: 1 });
  });

  it("stops waiting when its caller leaves, and holds nothing afterwards", async () => {
    const locks = createLock(await backend.connect(), { ttl: 10_000, prefix });
    const lease = await locks.acquire("leave");
    const reason = new Error("the caller left");
    const controller = new AbortController();
    const waiting = locks.acquire("leave", { wait: 10_000, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(waiting).rejects.toBe(reason);
    await expect(locks.acquire("leave", { signal: controller.signal })).rejects.toBe(reason);
    await expect(locks.tryAcquire("leave", { signal: controller.signal })).rejects.toBe(reason);
    await lease.release();
    await using free = await locks.acquire("leave");
    free.assertHeld();
  });

  it("says what happens, and a broken listener harms nobody", async () => {
    const redis = await backend.connect();
    const events: PatternEvent[] = [];
    const locks = createLock(redis, { ttl: 10_000, prefix, onEvent: (event) => events.push(event) });
    await using lease = await locks.acquire("events");
    expect(await locks.tryAcquire("events")).toBeNull();
    await redis.send(["DEL", `lock:${prefix}:{events}`]);
    await expect(lease.extend()).rejects.toThrow(LockLostError);
    const seen = events.filter(({ type }) => type !== "ttl-too-short");
    expect(seen.map(({ pattern, type, prefix, id }) => [pattern, type, prefix, id])).toEqual(
      ["acquired", "busy", "lost"].map((type) => ["lock", type, prefix, "events"]),
    );
    const broken = createLock(redis, {
      ttl: 10_000,
      prefix,
      onEvent: () => {
        throw new Error("broken listener");
      },
    });
    await broken.run("events", () => {});
  });
}

/** What somebody without types may pass: a maker that was not called, a flag, a word. */
const wrongParts = {
  watchdog: true,
  wake: wakeBySubscriber,
  order: firstComeFirstServed,
  naming: "redlock",
  replicas: { count: 1 },
};

const handOff = '{"v":1,"name":"a","token":"t","fence":"1","ttl":10}';

function misuse(backend: Backend): void {
  const prefix = `${backend.prefix}:misuse`;

  it("refuses bad input by name, and sends nothing", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, prefix });
    const counts = await backend.count(async () => {
      for (const ttl of [0, -1, 2, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => createLock(redis, { ttl, prefix })).toThrow(/`ttl`/);
        await expect(locks.tryAcquire("a", { ttl })).rejects.toThrow(/`ttl`/);
      }
      expect(() => createLock(redis, { ttl: 10, wait: -1, prefix })).toThrow(/`wait`/);
      expect(() => createLock(redis, { ttl: 10, prefix: "" })).toThrow(/`prefix`/);
      expect(() => createLock(redis, { ttl: 10, prefix: "a{b" })).toThrow(/`prefix`/);
      expect(() => createLock({} as Redis, { ttl: 10, prefix })).toThrow(/`redis`/);
      await expect(locks.acquire("a", { wait: Number.NaN })).rejects.toThrow(/`wait`/);
      for (const [option, value] of Object.entries(wrongParts)) {
        const make = () => createLock(redis, { ttl: 10, prefix, [option]: value }).acquire("a");
        await expect((async () => make())()).rejects.toThrow(OptionError);
        await expect((async () => make())()).rejects.toThrow(`\`${option}\``);
      }
      await expect(locks.acquire("a", { watchdog: watchdog as never })).rejects.toThrow(/`watchdog`/);
      await expect(locks.resume(handOff, { watchdog: watchdog as never })).rejects.toThrow(/`watchdog`/);
      await expect(locks.acquire("")).rejects.toThrow(OptionError);
      for (const client of [undefined, { subscribe: () => {}, publish: () => {} }]) {
        expect(() => wakeBySubscriber(client as never)).toThrow(/`subscriber`/);
      }
      await expect(locks.inspect("")).rejects.toThrow(OptionError);
      await expect(locks.acquire("x".repeat(20_000))).rejects.toThrow(OptionError);
      for (const text of ["", "{}", "null", '{"v":2}', '{"v":1,"name":"a"}']) {
        await expect(locks.resume(text)).rejects.toThrow(/`serialized`/);
      }
    });
    expect(counts).toEqual({});
  });

  it("says that the name is used for something else", async () => {
    const redis = await backend.connect();
    const locks = createLock(redis, { ttl: 10_000, prefix });
    await redis.send(["RPUSH", `lock:${prefix}:{list}`, "a"]);
    await redis.send(["PEXPIRE", `lock:${prefix}:{list}`, 60_000]);
    await expect(locks.acquire("list")).rejects.toMatchObject({ name: "ReplyError", code: "WRONGTYPE" });
  });
}

describe("the history checker", () => {
  it("accepts stays one after the other", () => {
    expect(
      violations([
        { holder: "a", fence: "1", from: 0, to: 5 },
        { holder: "b", fence: "2", from: 5, to: 9 },
      ]),
    ).toEqual([]);
  });

  it("rejects two holders at a time", () => {
    const stays = [
      { holder: "a", fence: "1", from: 0, to: 5 },
      { holder: "b", fence: "2", from: 4, to: 9 },
    ];
    expect(violations(stays)).toEqual(["b came in as number 2 of 1"]);
    expect(violations(stays, 2)).toEqual([]);
  });

  it("rejects a fence that does not rise", () => {
    expect(
      violations([
        { holder: "a", fence: "10", from: 0, to: 5 },
        { holder: "b", fence: "9", from: 5, to: 9 },
      ]),
    ).toEqual(["b has the fence 9 after 10 of a"]);
  });
});

onEveryBackend("the history checker", (backend) => {
  it("rejects a lock that reads before it writes", async () => {
    const redis = await backend.connect();
    const history = createHistory();
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const key = `own:${backend.prefix}:{broken}`;
        while ((await redis.send(["GET", key])) !== null) await sleep(1);
        await redis.send(["SET", key, i, "PX", 10_000]);
        const stay = history.enter(`contender ${i}`, String(i));
        await sleep(2);
        stay.leave();
        await redis.send(["DEL", key]);
      }),
    );
    expect(history.most).toBeGreaterThan(1);
    expect(violations(history.stays)).not.toEqual([]);
  });
});
