export type { Codec } from "../../data/codec.ts";
export type { SchemaResult, StandardSchema } from "../../data/schema.ts";
export { polling, type Polling } from "../../log/polling.ts";
export type { StopListening } from "../../port/subscriber.ts";
export type { ChangeOptions } from "../../request.ts";
export { createChannels } from "./channels.ts";
export { fireAndForget } from "./deliveries/fire-and-forget.ts";
export { resumable, type ResumableOptions } from "./deliveries/resumable.ts";
export type { Delivery } from "./delivery.ts";
export { MessageInvalidError, SlowConsumerError } from "./errors.ts";
export type {
  ChannelGap,
  ChannelListener,
  ChannelMessage,
  ChannelMessagesOptions,
  ChannelNames,
  ChannelOptions,
  Channels,
  ChannelStart,
  ChannelSubscribeOptions,
  Published,
} from "./options.ts";
export { type ChannelPattern, matching } from "./pattern.ts";
export { toEventStream, type EventStreamOptions } from "./http/event-stream.ts";
export type { EventStreamRequest } from "./http/last-event-id.ts";
export type { BrowserEvent } from "./http/say-channel.ts";
