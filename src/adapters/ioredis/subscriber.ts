import { checkDuration, checkOptions } from "../../core/check.ts";
import type { Listener, SubscribeOptions, Subscriber, Unsubscribe } from "../../core/port/subscriber.ts";
import { toChannel, toSubscription } from "../../core/port/subscriptions.ts";
import { withDeadline } from "../../core/time/deadline.ts";
import { checkClient, checkKeyPrefix, type IoredisSubscriberClient } from "./client.ts";
import type { IoredisOptions } from "./ioredis.ts";
import { type ClientListeners, createClientListeners } from "./subscriber-listeners.ts";
import { type Channel, confirm, isIdle, type Kind, leave, type SubscriberState } from "./subscriptions.ts";
import { toPortError } from "./trip.ts";

/**
 * Subscribes over an ioredis client that does nothing else, such as `client.duplicate()`. The caller creates the client, listens to its
 * `error` event and closes it. A channel is subscribed once, however many listeners it has, and also where several subscribers are over one
 * client. When a subscription ends, its listener is removed at once. If the connection is down then, Redis is told after the reconnection.
 * @throws {OptionError} The client is not an ioredis client, or it has a `keyPrefix`.
 * @example
 * const subscriber = ioredisSubscriber(client.duplicate());
 * const stop = await subscriber.subscribe("news", (message) => show(message));
 */
export function ioredisSubscriber(client: IoredisSubscriberClient, options?: IoredisOptions): Subscriber {
  const { timeout = 2_000 } = checkOptions(options, "{ timeout: 500 }") ?? {};
  checkKeyPrefix(checkClient(client));
  checkDuration("timeout", timeout);
  const shared = sharedBy(client);
  return {
    subscribe: (...call) => subscribe(shared, timeout, "subscribe", ...call),
    psubscribe: (...call) => subscribe(shared, timeout, "psubscribe", ...call),
  };
}

/** What the subscribers over one client share: on one connection, an UNSUBSCRIBE of one would end the subscription of another. */
interface Shared {
  readonly state: SubscriberState;
  readonly listeners: ClientListeners;
}

const known = /* @__PURE__ */ new WeakMap<IoredisSubscriberClient, Shared>();

function sharedBy(client: IoredisSubscriberClient): Shared {
  const found = known.get(client);
  if (found) return found;
  const channels = { subscribe: new Map<string, Channel>(), psubscribe: new Map<string, Channel>() };
  const state: SubscriberState = { client, channels, abandoned: new Set(), handshake: undefined };
  const shared = { state, listeners: createClientListeners(state) };
  known.set(client, shared);
  return shared;
}

async function subscribe(
  { state, listeners }: Shared,
  timeout: number,
  kind: Kind,
  given: string,
  listener: Listener,
  options?: SubscribeOptions,
): Promise<Unsubscribe> {
  const subscription = toSubscription(listener, options);
  const name = toChannel(kind === "subscribe" ? "channel" : "pattern", given);
  const signal = options?.signal;
  signal?.throwIfAborted();
  if (isIdle(state)) listeners.add();
  const channel = openChannel(state, kind, name);
  channel.subscriptions.add(subscription);
  const end = () => leave(state, channel, subscription, timeout, listeners.remove);
  try {
    await withDeadline(timeout, signal, () => confirm(state, channel));
  } catch (error) {
    void end();
    throw signal?.aborted ? error : toPortError(state.client, error, "unknown");
  }
  subscription.confirmed = true;
  return end;
}

function openChannel({ channels }: SubscriberState, kind: Kind, name: string): Channel {
  const known = channels[kind].get(name);
  if (known) return known;
  const channel: Channel = { kind, name, subscriptions: new Set(), confirmation: undefined };
  channels[kind].set(name, channel);
  return channel;
}
