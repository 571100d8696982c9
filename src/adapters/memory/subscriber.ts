import type { Subscriber } from "../../core/port/subscriber.ts";
import { deliver, type Subscription, toChannel, toSubscription } from "../../core/port/subscriptions.ts";
import { raceDeadline } from "../../core/time/deadline.ts";
import type { Engine } from "./engine-types.ts";

/** Listens to the channels of an engine. Its connection is never lost, so that it never reconnects. */
export function createSubscriber(open: () => Promise<Engine>): Subscriber {
  return {
    subscribe: createSubscribe(open, "channel", ({ state }, channel, hear) =>
      state.pubsubBroker.subscribe(channel, hear),
    ),
    psubscribe: createSubscribe(open, "pattern", ({ state }, pattern, hear) =>
      state.pubsubBroker.psubscribe(pattern, hear),
    ),
  };
}

interface Heard {
  readonly channel: Buffer;
  readonly message: Buffer;
}

type Start = (engine: Engine, name: Buffer, hear: (heard: Heard) => void) => () => void;

/** A channel or a pattern with at least one subscription. */
interface Channel {
  readonly subscriptions: Set<Subscription>;
  readonly stop: () => void;
}

function createSubscribe(
  open: () => Promise<Engine>,
  option: "channel" | "pattern",
  start: Start,
): Subscriber["subscribe"] {
  const channels = new Map<string, Channel>();
  const openChannel = (engine: Engine, name: string): Channel => {
    const subscriptions = new Set<Subscription>();
    const stop = start(engine, Buffer.from(name), ({ channel, message }) => {
      const [text, from] = [message.toString(), channel.toString()];
      // A message comes after the reply to PUBLISH has begun its way, as over a connection, and never from within a script.
      queueMicrotask(() => deliver(subscriptions, text, from));
    });
    const channel = { subscriptions, stop };
    channels.set(name, channel);
    return channel;
  };
  return async (given, listener, options) => {
    const subscription = toSubscription(listener, options);
    const name = toChannel(option, given);
    // The time in which the engine is loaded does not count, as for a call.
    const engine = await raceDeadline(Infinity, options?.signal, open);
    const { subscriptions, stop } = channels.get(name) ?? openChannel(engine, name);
    subscriptions.add(subscription);
    return async () => {
      if (!subscriptions.delete(subscription) || subscriptions.size > 0) return;
      channels.delete(name);
      stop();
    };
  };
}
