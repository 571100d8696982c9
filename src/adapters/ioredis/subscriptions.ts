import { callGuarded, type Subscription } from "../../core/port/subscriptions.ts";
import { withDeadline } from "../../core/time/deadline.ts";
import type { IoredisSubscriberClient } from "./client.ts";

/** Whether a name is that of a channel or a pattern. */
export type Kind = "subscribe" | "psubscribe";

/** How each is left. */
const opposite = { subscribe: "unsubscribe", psubscribe: "punsubscribe" } as const;

/** A channel or a pattern with at least one subscription, or one that is being left. */
export interface Channel {
  readonly kind: Kind;
  readonly name: string;
  readonly subscriptions: Set<Subscription>;
  /** Redis' confirmation, since the connection was last lost. */
  confirmation: Promise<unknown> | undefined;
}

/** What is subscribed over one client. All subscribers over it share that. */
export interface SubscriberState {
  readonly client: IoredisSubscriberClient;
  readonly channels: Readonly<Record<Kind, Map<string, Channel>>>;
  /** Channels without a listener, until Redis has confirmed the UNSUBSCRIBE. */
  readonly abandoned: Set<Channel>;
  /** Ends with the handshake of the connection that is being made. */
  handshake: Promise<void> | undefined;
}

export function isIdle({ channels, abandoned }: SubscriberState): boolean {
  return channels.subscribe.size === 0 && channels.psubscribe.size === 0 && abandoned.size === 0;
}

export function allChannels({ channels }: SubscriberState): Channel[] {
  return [...channels.subscribe.values(), ...channels.psubscribe.values()];
}

/** Subscribes the channel, unless that is done or under way. */
export function confirm(state: SubscriberState, channel: Channel): Promise<unknown> {
  if (channel.confirmation) return channel.confirmation;
  const { client } = state;
  const confirmation =
    client.status === "connect" ? subscribeAfterHandshake(state, channel) : client[channel.kind](channel.name);
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
  return channel.subscriptions.size > 0 ? state.client[channel.kind](channel.name) : undefined;
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
export async function leave(
  state: SubscriberState,
  channel: Channel,
  subscription: Subscription,
  timeout: number,
  onIdle: () => void,
): Promise<void> {
  if (!channel.subscriptions.delete(subscription) || channel.subscriptions.size > 0) return;
  state.channels[channel.kind].delete(channel.name);
  state.abandoned.add(channel);
  await withDeadline(timeout, undefined, () => unsubscribe(state, channel, onIdle)).catch(() => {});
}

/** If it fails because the connection was lost, it is called again on the next one, on which ioredis subscribes the channel again. */
export async function unsubscribe(state: SubscriberState, channel: Channel, onIdle: () => void): Promise<void> {
  const { client, channels, abandoned } = state;
  const { kind, name } = channel;
  try {
    if (!channels[kind].has(name)) await client[opposite[kind]](name);
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
    if (channel.subscriptions.has(subscription)) callGuarded(() => subscription.onReconnect?.());
  }
}
