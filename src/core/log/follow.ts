import { afterAbort } from "../abort.ts";
import type { Redis, SendOptions } from "../port/redis.ts";
import type { Subscriber } from "../port/subscriber.ts";
import { sleep } from "../wait/sleep.ts";
import type { LogPlace } from "./format.ts";
import type { LogSink } from "./order.ts";
import { isPolling, type Polling } from "./polling.ts";
import { createLogReader, type LogReader, type LogReaderOptions } from "./reader.ts";
import type { LogStart } from "./start.ts";
import { type LogPage, replayScript } from "./replay.lua.ts";

/** How one log is followed. */
export interface FollowOptions extends LogSink, Pick<LogReaderOptions, "onForeign" | "onError" | "onStart" | "ready"> {
  readonly redis: Redis;
  readonly subscriber: Subscriber | Polling;
  readonly place: LogPlace;
  readonly start: LogStart;
  /** After how many milliseconds without a message the log is read; 0 is never. With `polling` its own pause counts. */
  readonly check: number;
  /** Called when the channel is subscribed again after a lost connection. What was missed is read from the log by itself. */
  onReconnect(): void;
  /** Ends the following at any time. Nothing is delivered any more, and a wait for the start rejects with its reason. */
  readonly signal: AbortSignal;
}

/** A log that is followed. */
export interface Following {
  /** Goes on where `ready` said no. */
  resume(): void;
  /** Settles after the end, when Redis has heard of it. Abort the signal first. */
  readonly ended: Promise<void>;
}

/**
 * Follows one log: what is announced by messages, and what is missing between them from the log. It resolves when nothing that is appended from
 * then on can be missed.
 * @throws What the subscriber throws, or Redis at the first read. Nothing is subscribed then.
 */
export async function followLog(options: FollowOptions): Promise<Following> {
  const { redis, subscriber, place, start, check, signal } = options;
  signal.throwIfAborted();
  const reader = createLogReader({ ...options, read: (from) => readLog(redis, place, from, { signal }) });
  if (isPolling(subscriber)) {
    await reader.start(start);
    return { resume: reader.resume, ended: readEvery(reader, subscriber.every, () => 0, signal) };
  }
  let heardAt = 0;
  const receive = (message: string) => {
    heardAt = performance.now();
    reader.receive(message);
  };
  const onReconnect = () => {
    void reader.catchUp();
    options.onReconnect();
  };
  const unsubscribe = await subscriber.subscribe(place.channel, receive, { signal, onReconnect });
  try {
    await reader.start(start);
  } catch (error) {
    await unsubscribe();
    throw error;
  }
  if (check > 0) void readEvery(reader, check, () => heardAt, signal);
  return { resume: reader.resume, ended: afterAbort(signal, unsubscribe) };
}

/** Reads what a log has after an id; with an empty text, the last id alone. */
export function readLog(redis: Redis, { log, last }: LogPlace, from: string, options: SendOptions): Promise<LogPage> {
  return replayScript(redis, { log, last, from }, { ...options, idempotent: true });
}

/** Reads the log whenever so many milliseconds have passed without a message or a read. */
async function readEvery(reader: LogReader, ms: number, heardAt: () => number, signal: AbortSignal): Promise<void> {
  let readAt = performance.now();
  while (!signal.aborted) {
    const left = Math.max(readAt, heardAt()) + ms - performance.now();
    if (left > 0) await sleep(left, signal).catch(() => {});
    else {
      await reader.catchUp();
      readAt = performance.now();
    }
  }
}
