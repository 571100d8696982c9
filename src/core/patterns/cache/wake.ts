import type { Subscriber } from "../../port/subscriber.ts";
import { sleep } from "../../wait/sleep.ts";

/** Wakes calls that wait for the load of another process. */
export interface LoadWake {
  /** Begins to listen to the channel on which the end of the load is published. */
  listen(channel: string): LoadWaiter;
}

/** A call that waits for a load. */
export interface LoadWaiter {
  /**
   * Resolves when the call should ask Redis again: the load has ended, the subscription has begun, or the time is over. That is `ms`
   * milliseconds without a subscription, and up to `most` with one.
   * @throws The signal's reason, as soon as it aborts.
   */
  wait(ms: number, most: number, signal: AbortSignal): Promise<void>;
  /** Ends the listening. */
  leave(): void;
}

/** After this time a call with a subscription asks all the same, in milliseconds: a message may be lost. */
const longestWait = 1_000;

/**
 * Wakes calls that wait for the load of another process by a message; without it they ask Redis every 25 to 250 ms. All processes with
 * this cache must use it: a process without it publishes nothing, and calls that wait for its loads ask once a second. While the
 * subscription fails, calls ask as often as without it.
 * @example
 * const wake = wakeLoads(ioredisSubscriber(client.duplicate()));
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5), wake });
 */
export function wakeLoads(subscriber: Subscriber): LoadWake {
  return {
    listen(channel) {
      let [subscribed, woken] = [false, false];
      let alarm: AbortController | undefined;
      const wake = () => {
        woken = true;
        alarm?.abort();
      };
      const subscription = subscriber.subscribe(channel, wake, { onReconnect: wake });
      subscription.then(
        () => {
          subscribed = true;
          // An end before the subscription began was not heard.
          wake();
        },
        () => {},
      );
      return {
        async wait(ms, most, signal) {
          alarm = new AbortController();
          if (woken) alarm.abort();
          try {
            await sleep(subscribed ? Math.min(longestWait, most) : ms, AbortSignal.any([signal, alarm.signal]));
          } catch {
            signal.throwIfAborted();
          }
          woken = false;
        },
        leave() {
          subscription.then((stop) => stop()).catch(() => {});
        },
      };
    },
  };
}
