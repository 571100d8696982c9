import { callGuarded, type Subscription } from "../../../core/port/subscriptions.ts";
import { raceDeadline } from "../../../core/time/deadline.ts";
import { startBackgroundTimer } from "../../../core/time/timer.ts";
import { jitter } from "../../../core/wait/backoff.ts";
import type { IoredisClient, IoredisSubscriberClient } from "../client.ts";
import { connectionOf } from "./connection.ts";

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
  confirmation?: Promise<unknown> | undefined;
  /** Whether Redis has confirmed it on this connection. */
  held?: boolean;
  /** Whether it was held by an earlier connection, and is not yet by this one. */
  lost?: boolean;
  /** Asks Redis again, where it has refused what it had confirmed on an earlier connection. */
  retry?: ReturnType<typeof setTimeout>;
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

/** The channel or pattern of this name, which is not subscribed yet if it is new. */
export function openChannel({ channels }: SubscriberState, kind: Kind, name: string): Channel {
  const known = channels[kind].get(name);
  if (known) return known;
  const channel: Channel = { kind, name, subscriptions: new Set() };
  channels[kind].set(name, channel);
  return channel;
}

/** Subscribes the channel, unless that is done or under way. */
export function confirm(state: SubscriberState, channel: Channel): Promise<unknown> {
  if (channel.confirmation) return channel.confirmation;
  const { client } = state;
  const connection = connectionOf(client);
  const confirmation =
    connection?.status === "connect"
      ? subscribeAfterHandshake(state, channel, connection)
      : client[channel.kind](channel.name);
  channel.confirmation = confirmation;
  confirmation.then(
    () => {
      if (channel.confirmation === confirmation) hold(channel);
    },
    () => {
      if (channel.confirmation === confirmation) channel.confirmation = undefined;
    },
  );
  return confirmation;
}

/** ioredis 5 writes a SUBSCRIBE between the commands of its handshake. These then fail, since a subscribed connection refuses them. */
async function subscribeAfterHandshake(state: SubscriberState, channel: Channel, connection: IoredisClient) {
  state.handshake ??= waitForHandshake(state, connection);
  await state.handshake;
  return channel.subscriptions.size > 0 ? state.client[channel.kind](channel.name) : undefined;
}

function waitForHandshake(state: SubscriberState, connection: IoredisClient): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      for (const event of ["ready", "close"]) connection.off(event, end);
      Object.assign(state, { handshake: undefined });
      resolve();
    };
    for (const event of ["ready", "close"]) connection.on(event, end);
  });
}

/** Those who were told that it is subscribed may have missed messages. */
function hold(channel: Channel): void {
  channel.held = true;
  if (!channel.lost) return;
  channel.lost = false;
  for (const { confirmed, onReconnect } of Array.from(channel.subscriptions)) {
    if (confirmed && onReconnect) callGuarded(onReconnect);
  }
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
  clearTimeout(channel.retry);
  state.channels[channel.kind].delete(channel.name);
  state.abandoned.add(channel);
  await raceDeadline(timeout, undefined, () => unsubscribe(state, channel, onIdle)).catch(() => {});
}

/** If it fails because the connection was lost, it is called again on the next one, to which a Cluster takes its channels along. */
async function unsubscribe(state: SubscriberState, channel: Channel, onIdle: () => void): Promise<void> {
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

/** The connection is gone: nothing is confirmed any more. */
export function loseAll({ channels }: SubscriberState): void {
  for (const kind of [channels.subscribe, channels.psubscribe]) {
    for (const channel of kind.values()) lose(channel);
  }
}

function lose(channel: Channel): void {
  channel.confirmation = undefined;
  channel.lost ||= channel.held ?? false;
  channel.held = false;
}

/** Subscribes and unsubscribes on a new connection what was so, or was to be so, on the last one. */
export function restoreAll(state: SubscriberState, onIdle: () => void): void {
  for (const kind of [state.channels.subscribe, state.channels.psubscribe]) {
    for (const channel of kind.values()) restore(state, channel);
  }
  for (const channel of state.abandoned) void unsubscribe(state, channel, onIdle).catch(() => {});
}

/** The pause after a refusal, in milliseconds, such as NOPERM after a change of the user's rights. */
const refusalPause = 5_000;

/** If the connection is lost too, the next one does it. */
function restore(state: SubscriberState, channel: Channel): void {
  channel.confirmation = undefined;
  confirm(state, channel).catch(() => {
    const again = () => {
      if (!channel.confirmation && state.client.status !== "end") restore(state, channel);
    };
    clearTimeout(channel.retry);
    if (channel.subscriptions.size > 0) channel.retry = startBackgroundTimer(again, jitter(refusalPause));
  });
}
