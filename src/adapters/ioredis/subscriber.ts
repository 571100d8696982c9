import { checkFunction, checkDuration, checkText } from "../../core/check.ts";
import { withDeadline } from "../../core/time/deadline.ts";
import type { Listener, Subscriber } from "../../core/port/subscriber.ts";
import { checkClient, type IoredisClient } from "./client.ts";
import type { IoredisOptions } from "./ioredis.ts";
import { toPortError } from "./trip.ts";

/** The subset of an ioredis `Redis` or `Cluster` that the subscriber needs; versions 5 and 6 fit. */
export interface IoredisSubscriberClient extends IoredisClient {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
}

/**
 * Subscribes over an ioredis client that does nothing else: `client.duplicate()`. The caller made it, listens to its `error` event
 * and closes it. However many listeners a channel has, it is subscribed once. Ending a subscription takes its listener off at
 * once; while the connection is down, Redis learns of it after the reconnection.
 * @throws {OptionError} The client is of another kind.
 * @example
 * const subscriber = ioredisSubscriber(client.duplicate());
 * const stop = await subscriber.subscribe("news", (message) => show(message));
 */
export function ioredisSubscriber(
  client: IoredisSubscriberClient,
  { timeout = 2_000 }: IoredisOptions = {},
): Subscriber {
  checkClient(client);
  checkDuration("timeout", timeout);
  const state: SubscriberState = { client, timeout, channels: new Map(), abandoned: new Set(), handshake: undefined };
  const watch = createWatcher(state);
  return {
    async subscribe(name, listener, { signal, onReconnect } = {}) {
      const subscription: Subscription = {
        listener: checkFunction("listener", listener),
        onReconnect,
        confirmed: false,
      };
      checkText("channel", name);
      signal?.throwIfAborted();
      if (isIdle(state)) watch.start();
      const channel = state.channels.get(name) ?? { name, subscriptions: new Set(), confirmation: undefined };
      state.channels.set(name, channel);
      channel.subscriptions.add(subscription);
      const end = () => leave(state, channel, subscription, watch.stop);
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

/** One subscription. */
interface Subscription {
  readonly listener: Listener;
  readonly onReconnect: (() => void) | undefined;
  confirmed: boolean;
}

interface Channel {
  readonly name: string;
  readonly subscriptions: Set<Subscription>;
  /** Redis' confirmation, since the connection was last lost. */
  confirmation: Promise<unknown> | undefined;
}

interface SubscriberState {
  readonly client: IoredisSubscriberClient;
  readonly timeout: number;
  readonly channels: Map<string, Channel>;
  /** Those that nobody listens to any more, until Redis has confirmed the UNSUBSCRIBE. */
  readonly abandoned: Set<Channel>;
  /** Ends with the handshake of the connection that is being made. */
  handshake: Promise<void> | undefined;
}

function confirm(state: SubscriberState, channel: Channel): Promise<unknown> {
  if (channel.confirmation) return channel.confirmation;
  const { client } = state;
  const confirmation =
    client.status === "connect" ? subscribeAfterHandshake(state, channel) : client.subscribe(channel.name);
  channel.confirmation = confirmation;
  confirmation.catch(() => {
    if (channel.confirmation === confirmation) channel.confirmation = undefined;
  });
  return confirmation;
}

/** ioredis 5 writes a SUBSCRIBE between the commands of its handshake, which then fail: a subscribed connection refuses them. */
async function subscribeAfterHandshake(state: SubscriberState, channel: Channel): Promise<unknown> {
  state.handshake ??= waitForHandshake(state);
  await state.handshake;
  return channel.subscriptions.size > 0 ? state.client.subscribe(channel.name) : undefined;
}

function waitForHandshake(state: SubscriberState): Promise<void> {
  const { client } = state;
  return new Promise((resolve) => {
    const end = () => {
      for (const event of ["ready", "close"]) client.off(event, end);
      Object.assign(state, { handshake: undefined });
      resolve();
    };
    for (const event of ["ready", "close"]) client.on(event, end);
  });
}

function isIdle({ channels, abandoned }: SubscriberState): boolean {
  return channels.size === 0 && abandoned.size === 0;
}

async function leave(state: SubscriberState, channel: Channel, subscription: Subscription, stop: () => void) {
  if (!channel.subscriptions.delete(subscription) || channel.subscriptions.size > 0) return;
  state.channels.delete(channel.name);
  state.abandoned.add(channel);
  await withDeadline(state.timeout, undefined, () => unsubscribe(state, channel, stop)).catch(() => {});
}

/** What fails here, because the connection was lost, is done on the next one: ioredis brings the channel back on it. */
async function unsubscribe(state: SubscriberState, channel: Channel, stop: () => void): Promise<void> {
  const { client, channels, abandoned } = state;
  try {
    if (!channels.has(channel.name)) await client.unsubscribe(channel.name);
  } catch (error) {
    if (client.status !== "end") throw error;
  }
  abandoned.delete(channel);
  if (isIdle(state)) stop();
}

/** Passes messages on, and subscribes again what a lost connection took. On the client it leaves nothing while nobody subscribes. */
function createWatcher(state: SubscriberState): { start(): void; stop(): void } {
  const { client, channels } = state;
  let inner: IoredisClient | undefined;
  let lost = false;
  const onMessage = (name: unknown, message: unknown) => deliver(channels.get(String(name)), String(message));
  const onClose = () => {
    lost = true;
    for (const channel of channels.values()) channel.confirmation = undefined;
  };
  const onReady = () => {
    inner?.off("end", onInnerEnd);
    inner = innerConnection(client);
    inner?.on("end", onInnerEnd);
    if (lost) {
      for (const channel of channels.values()) void resubscribe(state, channel);
      for (const channel of state.abandoned) void unsubscribe(state, channel, stop).catch(() => {});
    }
    lost = false;
  };
  const onInnerEnd = () => {
    onClose();
    if (client.status === "ready") onReady();
  };
  const events = { message: onMessage, close: onClose, ready: onReady };
  const stop = () => {
    for (const [event, listener] of Object.entries(events)) client.off(event, listener);
    inner?.off("end", onInnerEnd);
    inner = undefined;
  };
  return {
    start() {
      lost = false;
      for (const [event, listener] of Object.entries(events)) client.on(event, listener);
      if (client.status === "ready") onReady();
    },
    stop,
  };
}

/** A Cluster subscribes over a connection of its own, to a node of its choice, and tells nobody when it takes another. */
function innerConnection(client: IoredisClient): IoredisClient | undefined {
  const owner: unknown = client.isCluster ? Reflect.get(client, "subscriber") : undefined;
  return (owner as { getInstance?(): IoredisClient | null } | undefined)?.getInstance?.() ?? undefined;
}

/** Fails only if the connection is lost again; then the next one does it. */
async function resubscribe(state: SubscriberState, channel: Channel): Promise<void> {
  const earlier = [...channel.subscriptions].filter(({ confirmed }) => confirmed);
  channel.confirmation = undefined;
  const confirmation = confirm(state, channel);
  const confirmed = await confirmation.then(
    () => channel.confirmation === confirmation,
    () => false,
  );
  if (!confirmed) return;
  for (const subscription of earlier)
    if (channel.subscriptions.has(subscription)) callListener(() => subscription.onReconnect?.());
}

function deliver(channel: Channel | undefined, message: string): void {
  Array.from(channel?.subscriptions ?? []).forEach(({ listener }) => callListener(() => listener(message)));
}

/** What one listener throws is an uncaught exception, as with any event, but the others still hear. */
function callListener(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
