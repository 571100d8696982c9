import { checkFunction, checkText } from "../../core/check.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import { raceDeadline } from "../../core/time/deadline.ts";
import type { Engine } from "./engine-types.ts";

/** Listens to the channels of an engine. Its connection is never lost, so that it never reconnects. */
export function createSubscribe(open: () => Promise<Engine>): Subscriber["subscribe"] {
  return async (channel, listener, { signal } = {}) => {
    checkFunction("listener", listener);
    checkText("channel", channel);
    // The time in which the engine is loaded does not count, as for a call.
    const { state } = await raceDeadline(Infinity, signal, open);
    let ended = false;
    const stop = state.pubsubBroker.subscribe(Buffer.from(channel), ({ message }) => {
      const text = message.toString();
      // A message comes after the reply to PUBLISH has begun its way, as over a connection, and never from within a script.
      queueMicrotask(() => {
        if (!ended) listener(text);
      });
    });
    return async () => {
      ended = true;
      stop();
    };
  };
}
