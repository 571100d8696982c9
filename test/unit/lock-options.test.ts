import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import {
  createElection,
  createFenceGuard,
  createLock,
  createManyLocks,
  createQuorumLock,
  createReadWriteLock,
  createSemaphore,
  firstComeFirstServed,
  waitForReplicas,
  watchdog,
} from "../../src/core/patterns/lock/index.ts";
import { Term } from "../../src/core/patterns/lock/term.ts";
import type { Redis } from "../../src/core/port/redis.ts";

/** What a program in JavaScript may pass, whatever the types say. */
type Wrong = never;

const sent: unknown[] = [];
const fence = "1795000000000000";
/** Grants everything, and counts what is sent. */
const redis: Redis = {
  send: async (command) => {
    sent.push(command);
    return command[0] === "EVALSHA" ? fence : 0;
  },
  pipeline: () => Promise.reject(new Error("no pipeline")),
};
const options = { prefix: "l", ttl: 10_000 };

const readWrite = createReadWriteLock(redis, options);
const locks = {
  lock: createLock(redis, options),
  fifo: createLock(redis, { ...options, order: firstComeFirstServed() }),
  semaphore: createSemaphore(redis, { ...options, limit: 1 }),
  read: readWrite.read,
  write: readWrite.write,
  quorum: createQuorumLock([redis], options),
};
/** A quorum asks for more than this port can answer. */
const granting = Object.entries(locks).flatMap(([name, lock]) => (name === "quorum" ? [] : [lock]));
const many = createManyLocks(redis, options);
const guard = createFenceGuard(redis, options);
const election = createElection(redis, { ...options, name: "a" });
const handOff = JSON.stringify({ v: 1, name: "a", token: "t", fence, ttl: 1_000 });
const work = () => {};

/** What other libraries take in the place of the options. */
const noOptions: Wrong[] = [5_000, "5 s", null, true].map((value) => value as Wrong);

async function expectRefusal(option: string, wrong: () => unknown): Promise<void> {
  const error: unknown = await (async () => wrong())().then(
    () => "resolved",
    (reason: unknown) => reason,
  );
  expect(error, option).toBeInstanceOf(OptionError);
  expect(String(error)).toContain(`\`${option}\``);
}

describe("an option of the wrong shape is refused by name, and nothing is sent", () => {
  beforeEach(() => void (sent.length = 0));

  it.each(noOptions)("instead of the options of a call: %s", async (wrong) => {
    for (const lock of Object.values(locks)) {
      await expectRefusal("options", () => lock.tryAcquire("a", wrong));
      await expectRefusal("options", () => lock.acquire("a", wrong));
      await expectRefusal("options", () => lock.run("a", work, wrong));
      await expectRefusal("options", () => lock.inspect("a", wrong));
      await expectRefusal("options", () => lock.resume(handOff, wrong));
    }
    await expectRefusal("options", () => many.tryAcquireAll(["a"], wrong));
    await expectRefusal("options", () => many.acquireAll(["a"], wrong));
    await expectRefusal("options", () => guard.admit("a", fence, wrong));
    await expectRefusal("options", () => guard.set("a", fence, "v", wrong));
    await expectRefusal("options", () => guard.get("a", wrong));
    await expectRefusal("options", () => election.campaign(work, wrong));
    for (const create of [watchdog, firstComeFirstServed, waitForReplicas]) {
      await expectRefusal("options", () => create(wrong));
    }
    expect(sent).toEqual([]);
  });

  it.each([null, "10", 0, -1, 2, Number.NaN, Infinity, {}, [1_000], true].map((value) => value as Wrong))(
    "for the ttl of a call: %s",
    async (ttl) => {
      for (const lock of Object.values(locks)) {
        await expectRefusal("ttl", () => lock.tryAcquire("a", { ttl }));
        await expectRefusal("ttl", () => lock.acquire("a", { ttl }));
        await expectRefusal("ttl", () => lock.run("a", work, { ttl }));
        await expectRefusal("ttl", () => lock.resume(handOff, { ttl }));
      }
      await expectRefusal("ttl", () => many.tryAcquireAll(["a"], { ttl }));
      await expectRefusal("ttl", () => many.acquireAll(["a"], { ttl }));
      expect(sent).toEqual([]);
    },
  );

  it.each([null, "10", -1, Number.NaN, Infinity, {}].map((value) => value as Wrong))("for a wait: %s", async (wait) => {
    for (const lock of Object.values(locks)) {
      await expectRefusal("wait", () => lock.acquire("a", { wait }));
      await expectRefusal("wait", () => lock.run("a", work, { wait }));
    }
    await expectRefusal("wait", () => many.acquireAll(["a"], { wait }));
    await expectRefusal("wait", () => createLock(redis, { ...options, wait }));
    expect(sent).toEqual([]);
  });

  it("for a part of a factory", async () => {
    const hooks = [5, "no", {}, null];
    const parts: Record<string, readonly unknown[]> = {
      onEvent: hooks,
      waitUntil: hooks,
      wake: [5, null, {}],
      watchdog: [5, "no", {}],
      naming: [null, "redlock"],
      order: [null, "fifo"],
      replicas: [null, 1],
    };
    for (const [option, values] of Object.entries(parts)) {
      for (const value of values) {
        await expectRefusal(option, () => createLock(redis, { ...options, [option]: value }));
      }
    }
    await expectRefusal("nodeTimeout", () => createQuorumLock([redis], { ...options, nodeTimeout: null as Wrong }));
    for (const value of [null, 0, "1"].map((value) => value as Wrong)) {
      await expectRefusal("patience", () => firstComeFirstServed({ patience: value }));
      await expectRefusal("patience", () => createReadWriteLock(redis, { ...options, patience: value }));
      await expectRefusal("every", () => watchdog({ every: value }));
      await expectRefusal("maxHold", () => watchdog({ maxHold: value }));
      await expectRefusal("limit", () => createSemaphore(redis, { ...options, limit: value }));
      await expectRefusal("count", () => waitForReplicas({ count: value }));
      await expectRefusal("timeout", () => waitForReplicas({ timeout: value }));
    }
    for (const names of ["ab", null, {}, new Set(["a"]), [1], [""], [null]].map((value) => value as Wrong)) {
      await expect(many.acquireAll(names)).rejects.toBeInstanceOf(OptionError);
    }
    expect(sent).toEqual([]);
  });

  it("for an extension or a release of a lease, which stays held", async () => {
    for (const lock of granting) {
      const lease = await lock.acquire("a");
      sent.length = 0;
      for (const wrong of noOptions) {
        await expectRefusal("options", () => lease.extend(wrong));
        await expectRefusal("options", () => lease.release(wrong));
      }
      for (const ttl of [null, "10", 2, Infinity].map((value) => value as Wrong)) {
        await expectRefusal("ttl", () => lease.extend({ ttl }));
      }
      expect(sent).toEqual([]);
      lease.assertHeld();
      await lease.release();
    }
  });

  it("while `undefined` is the same as absent", async () => {
    for (const lock of granting) {
      const lease = await lock.acquire("a", {
        ttl: undefined,
        wait: undefined,
        signal: undefined,
        watchdog: undefined,
      });
      expect(lease.remaining).toBeGreaterThan(9_000);
      await lease.release({ signal: undefined });
      await lock.tryAcquire("a", undefined);
    }
  });
});

describe("a hook that throws", () => {
  it("hides neither the error of the call nor its result", async () => {
    const down = new Error("the caller's network");
    const broken: Redis = { ...redis, send: () => Promise.reject(down) };
    const events: string[] = [];
    const locks = createLock(broken, {
      ...options,
      waitUntil: () => {
        throw new TypeError("Illegal invocation");
      },
      onEvent: ({ type }) => {
        events.push(type);
        throw new Error("the listener");
      },
    });
    await expect(locks.tryAcquire("a")).rejects.toBe(down);
    expect(events).toContain("wait-until-failed");
  });
});

describe("the term of a lease", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("runs no timer until somebody has to hear of its end", () => {
    const term = new Term("job", performance.now() + 100, undefined);
    expect(vi.getTimerCount()).toBe(0);
    const { signal } = term;
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(100);
    expect(signal.reason).toMatchObject({ code: "LOCK_LOST" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("gives a signal that has aborted to who asks for it after the end", () => {
    const term = new Term("job", performance.now() + 100, undefined);
    vi.advanceTimersByTime(150);
    expect(term.signal.reason).toMatchObject({ code: "LOCK_LOST", lateBy: 50 });
    expect(term.signal).toBe(term.signal);
  });

  it("leaves the signal of a released lease as it is, unless Redis did not know of it any more", () => {
    const term = new Term("job", performance.now() + 100, undefined);
    term.end("released");
    const { signal } = term;
    vi.advanceTimersByTime(200);
    expect([signal.aborted, vi.getTimerCount()]).toEqual([false, 0]);
    term.end("lost");
    expect(signal.reason).toMatchObject({ code: "LOCK_LOST" });
  });

  it("tells a listener of the end at the deadline, prolonged or not, without anybody looking", () => {
    const onEnd = vi.fn<(error?: Error) => void>();
    const term = new Term("job", performance.now() + 100, onEnd);
    term.prolong(performance.now() + 300);
    vi.advanceTimersByTime(299);
    expect(onEnd).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2);
    expect(onEnd).toHaveBeenCalledTimes(1);
  });
});
