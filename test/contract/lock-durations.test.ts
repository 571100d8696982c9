import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createElection,
  createLock,
  createQuorumLock,
  createReadWriteLock,
  firstComeFirstServed,
  watchdog,
} from "../../src/core/patterns/lock/index.ts";
import { days } from "../../src/core/time/duration.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { kinds } from "../fixtures/lock-kinds.ts";
import { onEveryBackend } from "../support/backends.ts";

/** Beyond a timer's 24.8 days, beyond 32 bits, and the longest that is let through. */
const long = { "25 days": days(25), "60 days": days(60), "300,000 years": Number.MAX_SAFE_INTEGER };

/** A timer that is too long fires at once, and Node warns of it. */
const warnings: Error[] = [];
const hear = (warning: Error) => void warnings.push(warning);
const node = "process" in globalThis ? process : undefined;
beforeAll(() => void node?.on("warning", hear));
afterAll(() => void node?.off("warning", hear));

onEveryBackend("a duration beyond those of a timer", (backend) => {
  describe.each(Object.entries(long))("of %s", (what, ms) => {
    it.each(backend.share(Object.entries(kinds)))(
      "ends nothing at once, and throws nothing: %s",
      async (name, make) => {
        const redis = await backend.connect();
        const prefix = `${backend.prefix}:${what}:${name}`.replaceAll(" ", "-");
        const kind = make(redis, { ttl: ms, wait: ms, prefix, watchdog: watchdog({ every: ms, maxHold: ms }) });
        const lease = await kind.acquire();
        // Busy is busy, however long: a count of milliseconds is not taken for a fence.
        expect(await kind.rival.tryAcquire()).toBeNull();
        const busy = await make(redis, { ttl: 10_000, prefix })
          .acquire({ wait: 0, ttl: ms })
          .catch((error: unknown) => error);
        if (name !== "read lock") expect(busy).toMatchObject({ code: "LOCK_BUSY" });
        const waiting = name === "read lock" ? undefined : kind.acquire({ wait: ms });
        await sleep(20);
        expect(lease.signal.aborted).toBe(false);
        expect(lease.remaining).toBeGreaterThan(ms * 0.9);
        await lease.extend({ ttl: ms });
        const text = lease.serialize?.();
        const held = text && kind.resume ? await kind.resume(text, { ttl: ms }) : lease;
        expect(await held.release()).toBe(true);
        expect(await (await waiting)?.release()).not.toBe(false);
      },
    );

    backend.it("as a watchdog's period, a node's timeout or a waiter's patience", async () => {
      const redis = await backend.connect();
      const prefix = `${backend.prefix}:parts:${what}`.replaceAll(" ", "-");
      const events: string[] = [];
      const onEvent = ({ type }: { readonly type: string }) => void events.push(type);
      const locks = [
        createQuorumLock([redis], { prefix, ttl: 10_000, nodeTimeout: ms, onEvent }),
        createLock(redis, { prefix, ttl: 10_000, order: firstComeFirstServed({ patience: ms }), onEvent }),
        createReadWriteLock(redis, { prefix, ttl: 10_000, patience: ms, onEvent }).write,
        createLock(redis, { prefix, ttl: ms, watchdog: watchdog({ every: ms, maxHold: ms }), onEvent }),
      ];
      for (const [i, lock] of locks.entries()) {
        const lease = await lock.acquire(`part ${i}`);
        const waiting = lock.acquire(`part ${i}`, { wait: 5_000 });
        await sleep(20);
        expect(await lease.release()).toBe(true);
        expect(await (await waiting).release()).toBe(true);
      }
      expect(new Set(events)).toEqual(new Set(["acquired", "busy"]));
    });

    it("as the term of a leader", async () => {
      const prefix = `${backend.prefix}:term:${what}`.replaceAll(" ", "-");
      const election = createElection(await backend.connect(), { prefix, name: "a", ttl: ms });
      let aborted = true;
      await election.campaign(async ({ signal }) => {
        await sleep(20);
        aborted = signal.aborted;
      });
      expect(aborted).toBe(false);
      expect(warnings.filter(({ name }) => name === "TimeoutOverflowWarning")).toEqual([]);
    });
  });
});
