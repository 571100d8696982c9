import type { IoredisClient } from "./client.ts";
import { deliver, resubscribe, type SubscriberState, unsubscribe } from "./subscriptions.ts";

/** The subscriber's listeners on its client. The client has them only while there are channels. */
export interface ClientListeners {
  add(): void;
  remove(): void;
}

/** Creates the listeners that pass messages on, and that restore the channels of a lost connection on the next one. */
export function createClientListeners(state: SubscriberState): ClientListeners {
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
      for (const channel of state.abandoned) void unsubscribe(state, channel, remove).catch(() => {});
    }
    lost = false;
  };
  const onInnerEnd = () => {
    onClose();
    if (client.status === "ready") onReady();
  };
  const events = { message: onMessage, close: onClose, ready: onReady };
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

/** A Cluster subscribes over a connection of its own, to a node of its choice. It emits no event when it takes another connection. */
function innerConnection(client: IoredisClient): IoredisClient | undefined {
  const owner: unknown = client.isCluster ? Reflect.get(client, "subscriber") : undefined;
  return (owner as { getInstance?(): IoredisClient | null } | undefined)?.getInstance?.() ?? undefined;
}
