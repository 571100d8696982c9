import { checkFunction, checkDuration, checkText } from "../../core/check.ts";
import { withDeadline } from "../../core/time/deadline.ts";
import type { Listener, Subscriber } from "../../core/port/subscriber.ts";
import { checkClient, type IoredisClient } from "./client.ts";
import type { IoredisOptions } from "./ioredis.ts";
import { failure } from "./trip.ts";

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
  const desk: Desk = { client, timeout, channels: new Map(), left: new Set(), handshake: undefined };
  const watch = watcher(desk);
  return {
    async subscribe(name, listener, { signal, onReconnect } = {}) {
      const seat: Seat = { listener: checkFunction("listener", listener), onReconnect, confirmed: false };
      checkText("channel", name);
      signal?.throwIfAborted();
      if (isIdle(desk)) watch.start();
      const channel = desk.channels.get(name) ?? { name, seats: new Set(), live: undefined };
      desk.channels.set(name, channel);
      channel.seats.add(seat);
      const leave = () => vacate(desk, channel, seat, watch.stop);
      try {
        await withDeadline(timeout, signal, () => confirmation(desk, channel));
      } catch (error) {
        void leave();
        throw signal?.aborted ? error : failure(client, error, "unknown");
      }
      seat.confirmed = true;
      return leave;
    },
  };
}

/** One subscription. */
interface Seat {
  readonly listener: Listener;
  readonly onReconnect: (() => void) | undefined;
  confirmed: boolean;
}

interface Channel {
  readonly name: string;
  readonly seats: Set<Seat>;
  /** Redis' confirmation, since the connection was last lost. */
  live: Promise<unknown> | undefined;
}

interface Desk {
  readonly client: IoredisSubscriberClient;
  readonly timeout: number;
  readonly channels: Map<string, Channel>;
  /** Those that nobody listens to any more, until Redis has confirmed the UNSUBSCRIBE. */
  readonly left: Set<Channel>;
  /** Ends with the handshake of the connection that is being made. */
  handshake: Promise<void> | undefined;
}

function confirmation(desk: Desk, channel: Channel): Promise<unknown> {
  if (channel.live) return channel.live;
  const { client } = desk;
  const live = client.status === "connect" ? afterHandshake(desk, channel) : client.subscribe(channel.name);
  channel.live = live;
  live.catch(() => {
    if (channel.live === live) channel.live = undefined;
  });
  return live;
}

/** ioredis 5 writes a SUBSCRIBE between the commands of its handshake, which then fail: a subscribed connection refuses them. */
async function afterHandshake(desk: Desk, channel: Channel): Promise<unknown> {
  desk.handshake ??= handshakeOf(desk);
  await desk.handshake;
  return channel.seats.size > 0 ? desk.client.subscribe(channel.name) : undefined;
}

function handshakeOf(desk: Desk): Promise<void> {
  const { client } = desk;
  return new Promise((resolve) => {
    const end = () => {
      for (const event of ["ready", "close"]) client.off(event, end);
      Object.assign(desk, { handshake: undefined });
      resolve();
    };
    for (const event of ["ready", "close"]) client.on(event, end);
  });
}

function isIdle({ channels, left }: Desk): boolean {
  return channels.size === 0 && left.size === 0;
}

async function vacate(desk: Desk, channel: Channel, seat: Seat, stop: () => void) {
  if (!channel.seats.delete(seat) || channel.seats.size > 0) return;
  desk.channels.delete(channel.name);
  desk.left.add(channel);
  await withDeadline(desk.timeout, undefined, () => farewell(desk, channel, stop)).catch(() => {});
}

/** What fails here, because the connection was lost, is done on the next one: ioredis brings the channel back on it. */
async function farewell(desk: Desk, channel: Channel, stop: () => void): Promise<void> {
  const { client, channels, left } = desk;
  try {
    if (!channels.has(channel.name)) await client.unsubscribe(channel.name);
  } catch (error) {
    if (client.status !== "end") throw error;
  }
  left.delete(channel);
  if (isIdle(desk)) stop();
}

/** Passes messages on, and subscribes again what a lost connection took. On the client it leaves nothing while nobody subscribes. */
function watcher(desk: Desk): { start(): void; stop(): void } {
  const { client, channels } = desk;
  let inner: IoredisClient | undefined;
  let lost = false;
  const onMessage = (name: unknown, message: unknown) => deliver(channels.get(String(name)), String(message));
  const onClose = () => {
    lost = true;
    for (const channel of channels.values()) channel.live = undefined;
  };
  const onReady = () => {
    inner?.off("end", onInnerEnd);
    inner = innerConnection(client);
    inner?.on("end", onInnerEnd);
    if (lost) {
      for (const channel of channels.values()) void resume(desk, channel);
      for (const channel of desk.left) void farewell(desk, channel, stop).catch(() => {});
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
async function resume(desk: Desk, channel: Channel): Promise<void> {
  const earlier = [...channel.seats].filter(({ confirmed }) => confirmed);
  channel.live = undefined;
  const live = confirmation(desk, channel);
  const confirmed = await live.then(
    () => channel.live === live,
    () => false,
  );
  if (!confirmed) return;
  for (const seat of earlier) if (channel.seats.has(seat)) call(() => seat.onReconnect?.());
}

function deliver(channel: Channel | undefined, message: string): void {
  Array.from(channel?.seats ?? []).forEach(({ listener }) => call(() => listener(message)));
}

/** What one listener throws is an uncaught exception, as with any event, but the others still hear. */
function call(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
