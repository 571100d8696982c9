import { deliver } from "../../core/port/subscriptions.ts";
import type { IoredisClient } from "./client.ts";
import { allChannels, type Channel, resubscribe, type SubscriberState, unsubscribe } from "./subscriptions.ts";

/** The subscriber's listeners on its client. The client has them only while there are channels. */
export interface ClientListeners {
  add(): void;
  remove(): void;
}

/** Creates the listeners that pass messages on, and that restore the channels of a lost connection on the next one. */
export function createClientListeners(state: SubscriberState): ClientListeners {
  const { client } = state;
  let inner: IoredisClient | undefined;
  let lost = false;
  const onClose = () => {
    lost = true;
    for (const channel of allChannels(state)) channel.confirmation = undefined;
  };
  const onReady = () => {
    inner?.off("end", onInnerEnd);
    inner = innerConnection(client);
    inner?.on("end", onInnerEnd);
    if (lost) {
      for (const channel of allChannels(state)) void resubscribe(state, channel);
      for (const channel of state.abandoned) void unsubscribe(state, channel, remove).catch(() => {});
    }
    lost = false;
  };
  const onInnerEnd = () => {
    onClose();
    if (client.status === "ready") onReady();
  };
  const events = { ...messageEvents(state), close: onClose, ready: onReady };
  const remove = () => {
    for (const [event, listener] of Object.entries(events)) client.off(event, listener);
    inner?.off("end", onInnerEnd);
    inner = undefined;
  };
  return {
    add() {
      lost = false;
      for (const [event, listener] of Object.entries(events)) client.on(event, listener);
      if (client.status === "ready") onReady();
    },
    remove,
  };
}

/** Gives each message to those who listen to its channel, or to the pattern by which Redis has found them. */
function messageEvents({ channels }: SubscriberState) {
  const hear = (channel: Channel | undefined, message: unknown, name: unknown) => {
    if (channel) deliver(channel.subscriptions, String(message), String(name));
  };
  return {
    message: (name: unknown, message: unknown) => hear(channels.subscribe.get(String(name)), message, name),
    pmessage: (pattern: unknown, name: unknown, message: unknown) =>
      hear(channels.psubscribe.get(String(pattern)), message, name),
  };
}

/** A Cluster subscribes over a connection of its own, to a node of its choice. It emits no event when it takes another connection. */
function innerConnection(client: IoredisClient): IoredisClient | undefined {
  const owner: unknown = client.isCluster ? Reflect.get(client, "subscriber") : undefined;
  return (owner as { getInstance?(): IoredisClient | null } | undefined)?.getInstance?.() ?? undefined;
}
