import { checkDuration, checkOptions } from "../../core/check.ts";
import type { Listener, SubscribeOptions, Subscriber, Unsubscribe } from "../../core/port/subscriber.ts";
import { toChannel, toSubscription } from "../../core/port/subscriptions.ts";
import { raceDeadline } from "../../core/time/deadline.ts";
import { checkClient, checkKeyPrefix, type IoredisSubscriberClient } from "./client.ts";
import { watchFaults } from "./fault.ts";
import type { IoredisOptions } from "./ioredis.ts";
import {
  type Channel,
  confirm,
  isIdle,
  type Kind,
  leave,
  openChannel,
  type SubscriberState,
} from "./pubsub/channels.ts";
import { type ClientListeners, createClientListeners } from "./pubsub/client-listeners.ts";
import { toPortError } from "./trip.ts";

/** Options of `ioredisSubscriber`. `timeout` is the deadline of each `subscribe`, `psubscribe` and unsubscription. */
export interface IoredisSubscriberOptions extends IoredisOptions {
  /**
   * How often Redis is asked for a sign of life while there are subscriptions, in milliseconds. It costs one PING each time. With it, a
   * connection that died without a sign, as when a router forgets it, is noticed after `heartbeat` + `timeout` at the latest: the client
   * connects again, and each `onReconnect` is called. Without it, that may take the system hours.
   * @default none
   */
  readonly heartbeat?: number | undefined;
}

/**
 * Subscribes over an ioredis client that does nothing else, such as `client.duplicate()`. The caller creates the client, listens to its
 * `error` event and closes it. A channel is subscribed once, however many listeners it has, and also where several subscribers are over one
 * client. When a subscription ends, its listener is removed at once. If the connection is down then, Redis is told after the reconnection.
 * What Redis refuses after a reconnection, since the rights of its user have changed, is asked for again every few seconds.
 * @throws {OptionError} The client is not an ioredis client, it has a `keyPrefix`, or an option has no meaning.
 * @example
 * const subscriber = ioredisSubscriber(client.duplicate());
 * const stop = await subscriber.subscribe("news", (message) => show(message));
 * const stopAll = await subscriber.psubscribe("news:*", (message, channel) => show(channel, message));
 */
export function ioredisSubscriber(client: IoredisSubscriberClient, options?: IoredisSubscriberOptions): Subscriber {
  const { timeout = 2_000, heartbeat } = checkOptions(options, "{ timeout: 500 }") ?? {};
  checkKeyPrefix(checkClient(client));
  checkDuration("timeout", timeout);
  if (heartbeat !== undefined) checkDuration("heartbeat", heartbeat);
  const shared = sharedBy(client);
  const call: Call = { ...shared, timeout, heartbeat };
  return {
    subscribe: (...args) => subscribe(call, "subscribe", ...args),
    psubscribe: (...args) => subscribe(call, "psubscribe", ...args),
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
  watchFaults(client);
  known.set(client, shared);
  return shared;
}

interface Call extends Shared {
  readonly timeout: number;
  readonly heartbeat: number | undefined;
}

async function subscribe(
  { state, listeners, timeout, heartbeat }: Call,
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
  if (heartbeat) listeners.beat({ every: heartbeat, timeout });
  const channel = openChannel(state, kind, name);
  channel.subscriptions.add(subscription);
  const end = () => leave(state, channel, subscription, timeout, listeners.remove);
  try {
    await raceDeadline(timeout, signal, () => confirm(state, channel));
  } catch (error) {
    void end();
    throw signal?.aborted ? error : toPortError(state.client, error, state.client.status === "ready" && "unknown");
  }
  subscription.confirmed = true;
  return end;
}
