import { onAbort } from "../abort.ts";
import { checkMethods } from "../check.ts";
import type { Subscriber } from "../port/subscriber.ts";
import { startTimer } from "../time/timer.ts";
import { sleep } from "./sleep.ts";

/** Tells those that wait for a lock, or for the load of another process, when to ask Redis again. */
export interface Wake {
  /**
   * Begins to listen for one asker.
   * @param channel The channel on which the end of what it waits for is published.
   * @param token The text by which a message names this asker alone; empty if none does.
   */
  listen(channel: string, token: string): Waiter;
}

/** One asker that waits. */
export interface Waiter {
  /**
   * Resolves when it is worth asking again: at a message, or after `most` milliseconds. While the subscription fails and nothing is heard,
   * it resolves after `pause` milliseconds.
   * @throws The signal's reason, as soon as it aborts.
   */
  wait(pause: number, most: number, signal: AbortSignal | undefined): Promise<void>;
  /** Ends the listening. A waiter that gives up after it was woken wakes the next one. */
  leave(outcome: "granted" | "gave up"): void;
}

/** One asker that listens. */
interface Listening {
  readonly token: string;
  /** True if a message was heard since it asked last. */
  woken: boolean;
  /** Ends its pause, while it pauses. */
  wake?: (() => void) | undefined;
}

/** All waiters on one channel in this process: one subscription, first come first woken. */
interface Channel {
  readonly queue: Set<Listening>;
  /** Only while it is `open` is every message heard. */
  state: "subscribing" | "open" | "failed";
  close(): void;
}

/**
 * Waits for the message that a release, or the end of a load, publishes. A lost message costs time and nothing else: a waiter asks all the
 * same when what it waits for must be over. One subscription serves all waiters on a channel. While it fails, they ask as often as
 * without it. All processes must use it: one without it publishes nothing when it finishes a load. In a Worker, which holds no
 * connection open, leave it out.
 * @throws {OptionError} The subscriber is none, or a client that was not wrapped.
 * @example
 * const wake = wakeBySubscriber(ioredisSubscriber(client.duplicate()));
 * const locks = createLock(redis, { prefix: "job", ttl: seconds(10), wake });
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5), wake });
 */
export function wakeBySubscriber(subscriber: Subscriber): Wake {
  const client = Reflect.has(Object(subscriber), "publish");
  checkMethods("subscriber", client ? null : (subscriber ?? null), "ioredisSubscriber(client)", "subscribe");
  const channels = new Map<string, Channel>();
  return {
    listen(name, token) {
      // An asker that is granted at its first attempt needs no subscription; it joins only one that is there.
      let channel = channels.get(name);
      const me: Listening = { token, woken: false };
      channel?.queue.add(me);
      const join = () => {
        const joined = channels.get(name) ?? openChannel(subscriber, name, () => channels.delete(name));
        channels.set(name, joined);
        joined.queue.add(me);
        // It was refused before it heard messages here, so it asks once more.
        me.woken = joined.state === "open";
        return joined;
      };
      return {
        wait(pause, most, signal) {
          channel ??= join();
          return channel.state === "failed" ? sleep(Math.min(pause, most), signal) : waitFor(me, most, signal);
        },
        leave(outcome) {
          channel?.queue.delete(me);
          if (channel && me.woken && outcome === "gave up") deliver(channel.queue, "");
          if (channel?.queue.size === 0) channel.close();
        },
      };
    },
  };
}

function openChannel(subscriber: Subscriber, name: string, onClose: () => void): Channel {
  const queue = new Set<Listening>();
  const wakeAll = () => queue.forEach(nudge);
  const subscribed = subscriber.subscribe(name, (message) => deliver(queue, message), { onReconnect: wakeAll });
  const channel: Channel = {
    queue,
    state: "subscribing",
    close() {
      onClose();
      subscribed.then((unsubscribe) => unsubscribe()).catch(() => {});
    },
  };
  const settle = (state: Channel["state"]) => {
    channel.state = state;
    // Each asked before every message was heard, so it asks once more.
    wakeAll();
  };
  subscribed.then(
    () => settle("open"),
    () => settle("failed"),
  );
  return channel;
}

/** A message is the token of the waiter to wake, `*` for all, or empty for the first that is not awake. */
function deliver(queue: Set<Listening>, message: string): void {
  if (message === "*") return queue.forEach(nudge);
  for (const listening of queue) {
    if (message === "" ? !listening.woken : listening.token === message) return nudge(listening);
  }
}

function nudge(listening: Listening): void {
  listening.woken = true;
  listening.wake?.();
}

/** Resolves when woken, at once if that was before, or after `ms` milliseconds. */
function waitFor(me: Listening, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer);
      stay();
      me.wake = undefined;
      settle();
    };
    const leave = () => end(() => reject(signal?.reason));
    const wake = () =>
      end(() => {
        me.woken = false;
        resolve();
      });
    const timer = startTimer(wake, ms);
    me.wake = wake;
    const stay = onAbort(signal, leave);
    if (signal?.aborted) leave();
    else if (me.woken) wake();
  });
}
