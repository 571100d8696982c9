import { sleep } from "../../wait/sleep.ts";
import type { Subscriber } from "../../port/subscriber.ts";

/** How a call that waits for another process' load learns that it has ended. */
export interface LoadWake {
  /** Begins to listen to the channel on which the end of the load is told. */
  listen(channel: string): LoadWaiter;
}

/** One who waits for a load. */
export interface LoadWaiter {
  /**
   * Resolves when it is worth asking again: the load has ended, or every end is heard from now on, or `ms` have passed, which may be
   * stretched to `most` while every end is heard.
   * @throws The signal's reason, as soon as it aborts.
   */
  wait(ms: number, most: number, signal: AbortSignal): Promise<void>;
  /** Ends the listening. */
  leave(): void;
}

/** How long a waiter who hears waits at most before it asks all the same, in milliseconds: a message may be lost. */
const patience = 1_000;

/**
 * Wakes those who wait for another process' load by a message, instead of letting them ask every 25 to 250 ms. All processes with this
 * cache must use it, or the others end their loads in silence, and it is asked once a second. While the subscription fails, it is asked
 * as without.
 * @example
 * const wake = wakeLoads(ioredisSubscriber(client.duplicate()));
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5), wake });
 */
export function wakeLoads(subscriber: Subscriber): LoadWake {
  return {
    listen(channel) {
      let [hears, rung] = [false, false];
      let alarm: AbortController | undefined;
      const ring = () => {
        rung = true;
        alarm?.abort();
      };
      const joined = subscriber.subscribe(channel, ring, { onReconnect: ring });
      joined.then(
        () => {
          hears = true;
          // What ended before it heard it did not hear.
          ring();
        },
        () => {},
      );
      return {
        async wait(ms, most, signal) {
          alarm = new AbortController();
          if (rung) alarm.abort();
          try {
            await sleep(hears ? Math.min(patience, most) : ms, AbortSignal.any([signal, alarm.signal]));
          } catch {
            signal.throwIfAborted();
          }
          rung = false;
        },
        leave() {
          joined.then((stop) => stop()).catch(() => {});
        },
      };
    },
  };
}
