import { bindInside } from "../../internals.ts";
import type { Redis } from "../../port/redis.ts";
import { unchecked } from "../../unchecked.ts";
import { channelInternals, createContext } from "./context.ts";
import { fireAndForget } from "./deliveries/fire-and-forget.ts";
import { readMessages } from "./messages.ts";
import type { ChannelListener, ChannelOptions, Channels } from "./options.ts";
import { publishMessage } from "./publish.ts";
import { subscribeListener } from "./subscribe.ts";

/**
 * Creates channels: what is published on one reaches all who subscribe to it, in any process. With `resumable()` a subscriber may leave and come
 * back without losing or repeating a message.
 * @throws {OptionError} An option can never work.
 * @example
 * const subscriber = ioredisSubscriber(client.duplicate());
 * const rooms = createChannels<{ text: string }>(redis, { prefix: "room", subscriber, delivery: resumable() });
 * const stop = await rooms.subscribe("7", ({ data }) => show(data.text));
 * await rooms.publish("7", { text: "hello" });
 */
export function createChannels<Message = unknown>(redis: Redis, options: ChannelOptions<Message>): Channels<Message> {
  const context = createContext(redis, options, fireAndForget());
  const channels: Channels<Message> = {
    publish: (name, message, call) => publishMessage(context, name, message, call),
    // Without a schema, the type of the messages is the caller's word.
    subscribe: (names, listener, call) =>
      subscribeListener(context, names, unchecked<ChannelListener<unknown>>(listener), call),
    messages: (names, call) => unchecked(readMessages(context, names, call)),
  };
  return bindInside(channelInternals, channels, context);
}
