import { describe, expect, it } from "vitest";
import { createLock, LockBusyError, redlockNaming, wakeBySubscriber } from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { kinds } from "../fixtures/lock-kinds.ts";
import { bareKeys, onEveryBackend } from "../support/backends.ts";

/** The kinds whose holder is a plain key, which another program may have left without a TTL. */
const plain = ["lock", "lock in order of arrival", "quorum lock", "many locks", "write lock"];

onEveryBackend(
  "a lock whose key another program has left without a TTL",
  (backend) => {
    describe.each(plain)("%s", (kind) => {
      const prefix = `${backend.prefix}:${kind.replaceAll(" ", "-")}`;
      const make = kinds[kind];
      if (!make) throw new Error(kind);

      it("is busy and held, for no known time, until somebody deletes the key", async () => {
        const redis = await backend.connect();
        const lock = make(redis, { ttl: 10_000, prefix });
        await redis.send(["SET", lock.holder, "theirs"]);
        try {
          expect(await lock.tryAcquire()).toBeNull();
          if (lock.inspect) expect(await lock.inspect()).toEqual({ held: true, remaining: Infinity });
          const busy = await lock.acquire({ wait: 0 }).catch((error: unknown) => error);
          expect(busy).toBeInstanceOf(LockBusyError);
          expect(Reflect.get(Object(busy), "remaining")).toBe(Infinity);
          expect(await redis.send(["PTTL", lock.holder])).toBe(-1);
        } finally {
          await redis.send(["DEL", lock.holder]);
        }
        expect(await (await lock.acquire()).release()).toBe(true);
      });

      backend.it("is asked for at the pace of any other busy lock", async () => {
        const redis = await backend.connect();
        const askedAt: number[] = [];
        const send: Redis["send"] = (command, options) => {
          if (command[0] === "EVALSHA") askedAt.push(performance.now());
          return redis.send(command, options);
        };
        const lock = make({ ...redis, send }, { ttl: 10_000, prefix });
        await (await lock.acquire()).release();
        await redis.send(["SET", lock.holder, "theirs"]);
        askedAt.length = 0;
        const waiting = lock.acquire({ wait: 15_000 });
        try {
          while (askedAt.length < 7) await sleep(5);
        } finally {
          await redis.send(["DEL", lock.holder]);
        }
        expect(await (await waiting).release()).toBe(true);
        // The first in a line asks every 25 ms, for whatever holds it, half of which is random. A timer counts from when its turn of the event
        // loop began, which may be a few milliseconds ago on a busy machine.
        expect((askedAt[6] ?? 0) - (askedAt[0] ?? 0)).toBeGreaterThanOrEqual(6 * 8);
      });
    });

    backend.it(
      "is noticed within a second by one that listens, since that program tells nobody of its release",
      async () => {
        const redis = await backend.connect();
        const silence = async () => async () => {};
        const silent: Subscriber = { subscribe: silence, psubscribe: silence };
        const wake = wakeBySubscriber(silent);
        const name = `${backend.prefix}-theirs`;
        const options = { ttl: 10_000, prefix: backend.prefix, naming: redlockNaming(), wake };
        await redis.send(["SET", name, "theirs"]);
        const waiting = createLock(redis, options).acquire(name, { wait: 20_000 });
        await sleep(100);
        await redis.send(["DEL", name]);
        const start = performance.now();
        const lease = await waiting;
        expect(performance.now() - start).toBeLessThan(10_000);
        expect(await lease.release()).toBe(true);
      },
    );
  },
  bareKeys,
);
