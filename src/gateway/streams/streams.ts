import { onAbort } from "../../core/abort.ts";
import { checkCount, checkDuration, checkMethods } from "../../core/check.ts";
import type { GatewayOptions } from "../gateway.ts";
import type { Access } from "../tokens.ts";
import { createFramer } from "./frames.ts";
import { createSubscriptions, type StreamWord } from "./listen.ts";
import { Outbox } from "./outbox.ts";
import { createPlaces } from "./places.ts";
import { createPulse } from "./pulse.ts";

/** The open streams of one gateway. */
export interface Streams {
  readonly heartbeat: number;
  readonly maxChannels: number;
  /** Opens a stream. It resolves once Redis has confirmed all of its channels. The stream ends when the signal aborts. */
  open(word: StreamWord, names: readonly string[], access: Access, signal: AbortSignal): Promise<Outbox>;
}

/** Creates what opens streams, or gives `null` without a subscriber. Nothing starts before the first stream. */
export function createStreams(options: GatewayOptions): Streams | null {
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
