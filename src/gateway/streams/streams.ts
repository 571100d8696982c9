import { onAbort } from "../../core/abort.ts";
import { checkCount, checkDuration, checkMethods } from "../../core/check.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import type { Access } from "../tokens.ts";
import { createFramer } from "./frames.ts";
import { createSubscriptions, type StreamWord } from "./listen.ts";
import { Outbox } from "./outbox.ts";
import { createPlaces } from "./places.ts";
import { createPulse } from "./pulse.ts";

/** Options for `/subscribe` and `/psubscribe`, which stream messages. */
export interface StreamOptions {
  /**
   * Who listens for the streams: `ioredisSubscriber(client.duplicate())`, or what `memory()` gave. All streams share its connection.
   * @default none: these paths are answered with 404
   */
  readonly subscriber?: Subscriber | undefined;
  /**
   * The time between two signs of life in a stream, in milliseconds. They cost Redis nothing.
   * @default 15_000
   */
  readonly heartbeat?: number | undefined;
  /**
   * The most streams of one token at once. One more gets the status 429.
   * @default 1_000
   */
  readonly maxStreams?: number | undefined;
  /**
   * The most channels, or patterns, of one stream. More get the status 400.
   * @default 1_000
   */
  readonly maxChannels?: number | undefined;
  /**
   * How much the reader of a stream may leave unread, in bytes. If there is more when a message comes, the reader is told and the stream ends.
   * @default 1_048_576
   */
  readonly maxPending?: number | undefined;
}

/** The open streams of one gateway. */
export interface Streams {
  readonly heartbeat: number;
  readonly maxChannels: number;
  /** Opens a stream. It resolves once Redis has confirmed all of its channels. The stream ends when the signal aborts. */
  open(word: StreamWord, names: readonly string[], access: Access, signal: AbortSignal): Promise<Outbox>;
}

/** Creates what opens streams, or gives `null` without a subscriber. Nothing starts before the first stream. */
export function createStreams(options: StreamOptions): Streams | null {
  const { subscriber, heartbeat = 15_000, maxStreams = 1_000, maxChannels = 1_000, maxPending = 1_048_576 } = options;
  const remedy = "a subscriber: ioredisSubscriber(client.duplicate()), or what memory() gave";
  checkMethods("subscriber", subscriber, remedy, "subscribe", "psubscribe");
  const pulse = createPulse(checkDuration("heartbeat", heartbeat));
  const places = createPlaces(checkCount("maxStreams", maxStreams));
  checkCount("maxChannels", maxChannels);
  checkCount("maxPending", maxPending);
  if (!subscriber) return null;
  const toFrame = createFramer();
  return {
    heartbeat: Math.round(heartbeat),
    maxChannels,
    async open(word, names, access, signal) {
      signal.throwIfAborted();
      const free = places.take(access);
      const outbox = new Outbox(maxPending);
      const subscriptions = createSubscriptions({ subscriber, word, outbox, toFrame, signal });
      const stay = onAbort(signal, () => outbox.cancel());
      outbox.onEnd(() => {
        stay();
        pulse.remove(outbox);
        subscriptions.end();
        free();
      });
      try {
        await subscriptions.begin(names);
      } catch (error) {
        outbox.cancel();
        throw error;
      }
      if (!outbox.ended) pulse.add(outbox);
      return outbox;
    },
  };
}
