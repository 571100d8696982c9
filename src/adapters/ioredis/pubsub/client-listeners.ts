import { deliver } from "../../../core/port/subscriptions.ts";
import type { IoredisClient } from "../client.ts";
import { type Channel, loseAll, restoreAll, type SubscriberState } from "./channels.ts";
import { connectionOf } from "./connection.ts";
import { createPulse, type Heartbeat } from "./heartbeat.ts";

/** The subscriber's listeners on its client. The client has them only while there are channels. */
export interface ClientListeners {
  add(): void;
  remove(): void;
  /** Begins to listen for signs of life, until the listeners are removed. The most frequent of several heartbeats counts. */
  beat(heartbeat: Heartbeat): void;
}

type Events = Readonly<Record<string, (...args: unknown[]) => void>>;

/** Creates the listeners that pass messages on, and that restore the channels of a lost connection on the next one. */
export function createClientListeners(state: SubscriberState): ClientListeners {
  const { client } = state;
  let lost = false;
  const onClose = () => {
    lost = true;
    loseAll(state);
  };
  const onReady = () => {
    heard.moveTo(connectionOf(client));
    if (lost) restoreAll(state, remove);
    lost = false;
  };
  const onEnd = () => {
    onClose();
    if (client.status === "ready") onReady();
  };
  // A Cluster exchanges its connection after the event, and says nothing of that.
  const onNodes = () => queueMicrotask(() => heard.isOn(connectionOf(client)) || onEnd());
  const events = { close: onClose, ready: onReady, ...(client.isCluster && { "-node": onNodes, "+node": onNodes }) };
  const heard = hearMessages(state, client.isCluster ? { end: onEnd } : {});
  const pulse = createPulse(client);
  let giveBack = () => {};
  const remove = () => {
    unlisten(client, events);
    heard.moveTo(undefined);
    pulse.stop();
    giveBack();
  };
  return {
    add() {
      lost = false;
      giveBack = takeResubscription(client);
      listen(client, events);
      heard.moveTo(connectionOf(client));
    },
    remove,
    beat: pulse.start,
  };
}

/**
 * Hears the messages of one connection at a time. A Cluster passes on what comes on any: for a moment it has two, and each message would
 * come twice.
 */
function hearMessages({ channels }: SubscriberState, more: Events) {
  const hear = (channel: Channel | undefined, message: unknown, name: unknown) => {
    if (channel) deliver(channel.subscriptions, String(message), String(name));
  };
  const events: Events = {
    message: (name, message) => hear(channels.subscribe.get(String(name)), message, name),
    pmessage: (pattern, name, message) => hear(channels.psubscribe.get(String(pattern)), message, name),
    ...more,
  };
  let source: IoredisClient | undefined;
  return {
    isOn: (connection: IoredisClient | undefined) => source === connection,
    moveTo(connection: IoredisClient | undefined) {
      if (source === connection) return;
      if (source) unlisten(source, events);
      if (connection) listen(connection, events);
      source = connection;
    },
  };
}

/** ioredis would subscribe again by itself, and leave a refusal to nobody: that ends a Node process. Returns what undoes this. */
function takeResubscription({ isCluster, options }: IoredisClient): () => void {
  if (isCluster) return () => {};
  const own: unknown = Reflect.get(options, "autoResubscribe");
  Reflect.set(options, "autoResubscribe", false);
  return () => void Reflect.set(options, "autoResubscribe", own);
}

function listen(client: IoredisClient, events: Events): void {
  for (const [event, listener] of Object.entries(events)) client.on(event, listener);
}

function unlisten(client: IoredisClient, events: Events): void {
  for (const [event, listener] of Object.entries(events)) client.off(event, listener);
}
