import type { Listener } from "../../core/port/subscriber.ts";
import { withDeadline } from "../../core/time/deadline.ts";
import type { IoredisSubscriberClient } from "./client.ts";

/** One listener of a channel. */
export interface Subscription {
  readonly listener: Listener;
  readonly onReconnect: (() => void) | undefined;
  confirmed: boolean;
}

/** A channel with at least one subscription, or one that is being left. */
export interface Channel {
  readonly name: string;
  readonly subscriptions: Set<Subscription>;
  /** Redis' confirmation, since the connection was last lost. */
  confirmation: Promise<unknown> | undefined;
}

/** The channels of one subscriber. */
export interface SubscriberState {
  readonly client: IoredisSubscriberClient;
  readonly timeout: number;
  readonly channels: Map<string, Channel>;
  /** Channels without a listener, until Redis has confirmed the UNSUBSCRIBE. */
  readonly abandoned: Set<Channel>;
  /** Ends with the handshake of the connection that is being made. */
  handshake: Promise<void> | undefined;
}

export function isIdle({ channels, abandoned }: SubscriberState): boolean {
  return channels.size === 0 && abandoned.size === 0;
}

/** Subscribes the channel, unless that is done or under way. */
export function confirm(state: SubscriberState, channel: Channel): Promise<unknown> {
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

/** ioredis 5 writes a SUBSCRIBE between the commands of its handshake. These then fail, since a subscribed connection refuses them. */
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

/** Ends one subscription; the last one of a channel unsubscribes it. `onIdle` is called when no channel is left. */
export async function leave(state: SubscriberState, channel: Channel, subscription: Subscription, onIdle: () => void) {
  if (!channel.subscriptions.delete(subscription) || channel.subscriptions.size > 0) return;
  state.channels.delete(channel.name);
  state.abandoned.add(channel);
  await withDeadline(state.timeout, undefined, () => unsubscribe(state, channel, onIdle)).catch(() => {});
}

/** If it fails because the connection was lost, it is called again on the next one, on which ioredis subscribes the channel again. */
export async function unsubscribe(state: SubscriberState, channel: Channel, onIdle: () => void): Promise<void> {
  const { client, channels, abandoned } = state;
  try {
    if (!channels.has(channel.name)) await client.unsubscribe(channel.name);
  } catch (error) {
    if (client.status !== "end") throw error;
  }
  abandoned.delete(channel);
  if (isIdle(state)) onIdle();
}

/** Confirms a channel on a new connection. It fails only if that connection is lost too; then the next one does it. */
export async function resubscribe(state: SubscriberState, channel: Channel): Promise<void> {
  const earlier = [...channel.subscriptions].filter(({ confirmed }) => confirmed);
  channel.confirmation = undefined;
  const confirmation = confirm(state, channel);
  const confirmed = await confirmation.then(
    () => channel.confirmation === confirmation,
    () => false,
  );
  if (!confirmed) return;
  for (const subscription of earlier) {
    if (channel.subscriptions.has(subscription)) callListener(() => subscription.onReconnect?.());
  }
}

export function deliver(channel: Channel | undefined, message: string): void {
  Array.from(channel?.subscriptions ?? []).forEach(({ listener }) => callListener(() => listener(message)));
}

/** An error of one listener becomes an uncaught exception, as with any event. The other listeners are still called. */
function callListener(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
