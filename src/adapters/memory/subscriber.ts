import { checkText } from "../../core/check.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import { toSubscription } from "../../core/port/subscriptions.ts";
import { raceDeadline } from "../../core/time/deadline.ts";
import type { Engine } from "./engine-types.ts";

/** Listens to the channels of an engine. Its connection is never lost, so that it never reconnects. */
export function createSubscriber(open: () => Promise<Engine>): Subscriber {
  return {
    subscribe: createSubscribe(open, "channel", ({ state }, ...rest) => state.pubsubBroker.subscribe(...rest)),
    psubscribe: createSubscribe(open, "pattern", ({ state }, ...rest) => state.pubsubBroker.psubscribe(...rest)),
  };
}

interface Heard {
  readonly channel: Buffer;
  readonly message: Buffer;
}

type Start = (engine: Engine, name: Buffer, hear: (heard: Heard) => void) => () => void;

function createSubscribe(
  open: () => Promise<Engine>,
  option: "channel" | "pattern",
  start: Start,
): Subscriber["subscribe"] {
  return async (name, listener, options) => {
    toSubscription(listener, options);
    checkText(option, name);
    // The time in which the engine is loaded does not count, as for a call.
    const engine = await raceDeadline(Infinity, options?.signal, open);
    let ended = false;
    const stop = start(engine, Buffer.from(name), ({ channel, message }) => {
      const [text, from] = [message.toString(), channel.toString()];
      // A message comes after the reply to PUBLISH has begun its way, as over a connection, and never from within a script.
      queueMicrotask(() => {
        if (!ended) listener(text, from);
      });
    });
    return async () => {
      // The engine would end later subscriptions to the channel, too.
      if (!ended) stop();
      ended = true;
    };
  };
}
