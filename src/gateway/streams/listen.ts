import type { Subscriber, Unsubscribe } from "../../core/port/subscriber.ts";
import type { Framer } from "./frames.ts";
import type { Outbox } from "./outbox.ts";

/** The two commands that open a stream. */
export type StreamWord = "subscribe" | "psubscribe";

/** The longest message, in UTF-16 units. Where each is a line break, its event is seven times as long, which a string must hold. */
const maxMessage = 16_777_216;

/** What the subscriptions of one stream need. */
export interface Listening {
  readonly subscriber: Subscriber;
  readonly word: StreamWord;
  readonly outbox: Outbox;
  readonly toFrame: Framer;
  readonly signal: AbortSignal;
}

/** The subscriptions of one stream. */
export interface Subscriptions {
  /** Subscribes to all channels or patterns. It resolves once Redis has confirmed each, and puts that into the stream. */
  begin(names: readonly string[]): Promise<void>;
  /** Ends them all. One that is confirmed later is ended then. */
  end(): void;
}

export function createSubscriptions(listening: Listening): Subscriptions {
  let stops: Unsubscribe[] | undefined = [];
  let count = 0;
  const place = () => (count += 1);
  return {
    async begin(names) {
      const subscribe = async (name: string) => {
        const stop = await listen(listening, name, place);
        if (stops) stops.push(stop);
        else void leave(stop);
      };
      await Promise.all(names.map(subscribe));
    },
    end() {
      stops?.forEach((stop) => void leave(stop));
      stops = undefined;
    },
  };
}

async function leave(stop: Unsubscribe): Promise<void> {
  try {
    await stop();
  } catch {
    // The connection is lost, and the subscription with it.
  }
}

async function listen(
  { subscriber, word, outbox, toFrame, signal }: Listening,
  name: string,
  nextCount: () => number,
): Promise<Unsubscribe> {
  let confirmation: Uint8Array | undefined;
  const confirm = () => {
    if (confirmation) return;
    confirmation = toFrame([word, name], String(nextCount()));
    outbox.push(confirmation);
  };
  const listener = (message: string, channel: string) => {
    // A message may come before the promise is settled. It shows that Redis has confirmed the channel.
    confirm();
    if (message.length > maxMessage) return outbox.drop(`a message has more than ${maxMessage} characters`);
    outbox.push(toFrame(word === "subscribe" ? ["message", name] : ["pmessage", name, channel], message));
  };
  const onReconnect = () => {
    // The confirmation once more says that messages may be missing.
    if (confirmation) outbox.push(confirmation);
  };
  const stop = await subscriber[word](name, listener, { signal, onReconnect });
  confirm();
  return stop;
}
