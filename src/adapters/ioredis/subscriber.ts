import { checkDuration, checkFunction, checkOptions, checkText } from "../../core/check.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import { withDeadline } from "../../core/time/deadline.ts";
import { checkClient, checkKeyPrefix, type IoredisSubscriberClient } from "./client.ts";
import type { IoredisOptions } from "./ioredis.ts";
import { createClientListeners } from "./subscriber-listeners.ts";
import { confirm, isIdle, leave, type SubscriberState, type Subscription } from "./subscriptions.ts";
import { toPortError } from "./trip.ts";

/**
 * Subscribes over an ioredis client that does nothing else, such as `client.duplicate()`. The caller creates the client, listens to its
 * `error` event and closes it. A channel is subscribed once, however many listeners it has. When a subscription ends, its listener is
 * removed at once. If the connection is down then, Redis is told after the reconnection.
 * @throws {OptionError} The client is not an ioredis client, or it has a `keyPrefix`.
 * @example
 * const subscriber = ioredisSubscriber(client.duplicate());
 * const stop = await subscriber.subscribe("news", (message) => show(message));
 */
export function ioredisSubscriber(client: IoredisSubscriberClient, options?: IoredisOptions): Subscriber {
  const { timeout = 2_000 } = checkOptions(options, "{ timeout: 500 }") ?? {};
  checkKeyPrefix(checkClient(client));
  checkDuration("timeout", timeout);
  const state: SubscriberState = { client, timeout, channels: new Map(), abandoned: new Set(), handshake: undefined };
  const listeners = createClientListeners(state);
  return {
    async subscribe(name, listener, { signal, onReconnect } = {}) {
      const subscription: Subscription = {
        listener: checkFunction("listener", listener),
        onReconnect,
        confirmed: false,
      };
      checkText("channel", name);
      signal?.throwIfAborted();
      if (isIdle(state)) listeners.add();
      const channel = state.channels.get(name) ?? { name, subscriptions: new Set(), confirmation: undefined };
      state.channels.set(name, channel);
      channel.subscriptions.add(subscription);
      const end = () => leave(state, channel, subscription, listeners.remove);
      try {
        await withDeadline(timeout, signal, () => confirm(state, channel));
      } catch (error) {
        void end();
        throw signal?.aborted ? error : toPortError(client, error, "unknown");
      }
      subscription.confirmed = true;
      return end;
    },
  };
}
