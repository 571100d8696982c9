import type { Codec } from "../../data/codec.ts";
import type { StandardSchema } from "../../data/schema.ts";
import type { OnEvent } from "../../event.ts";
import type { Polling } from "../../log/polling.ts";
import type { StopListening, Subscriber } from "../../port/subscriber.ts";
import type { ChangeOptions } from "../../request.ts";
import type { Delivery } from "./delivery.ts";
import type { ChannelPattern } from "./pattern.ts";

/** Options of `createChannels`. */
export interface ChannelOptions<Message = unknown> {
  /** The name of these channels. Their keys, and their names in Redis, begin with `channel:` and the prefix. */
  readonly prefix: string;
  /**
   * What messages arrive by: `ioredisSubscriber(client.duplicate())`, `restSubscriber({ url, token })`, `memory()`, or for resumable channels
   * `polling({ every })`. Who only publishes needs none.
   * @default none
   */
  readonly subscriber?: Subscriber | Polling | undefined;
  /**
   * What becomes of a message that a subscriber misses: with `fireAndForget()` it is lost, with `resumable({ keep })` it is read later. All who
   * share a prefix have the same.
   * @default fireAndForget()
   */
  readonly delivery?: Delivery | undefined;
  /**
   * Writes and reads messages that JSON does not carry. All who share a prefix have the same.
   * @default none: messages are plain JSON
   */
  readonly codec?: Codec | undefined;
  /**
   * Checks what is published and what arrives: a schema of zod, valibot, arktype, or any other that follows the Standard Schema. What is published
   * is sent as it is given; a listener gets what the schema makes of it.
   * @default none: nothing is checked
   */
  readonly schema?: StandardSchema<Message> | undefined;
  /**
   * The greatest size of one message, in bytes.
   * @default 100_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * For how long a publication with a `requestId` is remembered, in milliseconds: a minute or more.
   * @default hours(24)
   */
  readonly requestTtl?: number | undefined;
  /**
   * Receives `listener-failed` (a listener threw), `message-refused` (a message that could not be read), `gap` (messages are gone), `reconnected`,
   * `read-failed` (the log of a channel could not be read; it is tried again), `stream-failed` (a stream of `toEventStream` ended) and `unannounced` (a message is kept, but the Redis user may not
   * publish, so that subscribers hear of it late).
   * @default none
   */
  readonly onEvent?: OnEvent | undefined;
}

/** What became of a message. */
export interface Published {
  /** The id of the message, to come back to: `from`. It is `undefined` with `fireAndForget()`, where messages have none. */
  readonly id: string | undefined;
  /**
   * How many connections heard it at once. On a Cluster it counts one node only, over HTTP a gateway counts as one, and with `polling` nobody
   * listens; so 0 does not mean that nobody gets it.
   */
  readonly receivers: number;
}

/** One message. */
export interface ChannelMessage<Message = unknown> {
  /** The name of the channel. */
  readonly name: string;
  readonly data: Message;
  /** What to come back with: `from`. It is `undefined` with `fireAndForget()`. */
  readonly id: string | undefined;
}

/** Receives messages, in the order in which they were published. Its result is not waited for; `messages` waits. */
export type ChannelListener<Message> = (message: ChannelMessage<Message>) => unknown;

/** Where a subscription begins. */
export interface ChannelStart {
  /** The name of the channel. */
  readonly name: string;
  /** The id of the last message before it; 0-0 where there is none. */
  readonly id: string;
}

/** Messages that are gone: they were trimmed before they were read, or Redis has lost them. */
export interface ChannelGap {
  /** The name of the channel. */
  readonly name: string;
  /** The id of the last message before the gap. */
  readonly from: string;
  /** The id of the last message that is missing. 0-0 says that the history began anew, so that nobody knows what was missed. */
  readonly to: string;
}

/** One channel, several, or with `matching("user:*")` all whose names match. */
export type ChannelNames = string | readonly string[] | ChannelPattern;

/** Options of `subscribe`. */
export interface ChannelSubscribeOptions {
  /** Ends the subscription. While it is not yet confirmed, `subscribe` rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Where a resumable channel begins: `"now"`, at the `"beginning"` of what is kept, or after the message of an `id`. An id needs one name.
   * @default "now"
   */
  readonly from?: string | undefined;
  /**
   * Called once for each name of a resumable channel, before its first message, with the id of what came last before it. Who is told nothing more
   * comes back with that.
   * @default none
   */
  readonly onStart?: ((start: ChannelStart) => unknown) | undefined;
  /**
   * Called once for each gap of a resumable channel, before the message that follows it: load the whole state again.
   * @default none
   */
  readonly onGap?: ((gap: ChannelGap) => unknown) | undefined;
  /**
   * Reads the log of a resumable channel when it was silent for so many milliseconds, by one command. It finds a last message that was lost on a
   * connection that lives.
   * @default never: it is found at the next message, or when the connection is made anew
   */
  readonly check?: number | undefined;
  /**
   * Called for each channel or pattern when the connection was lost and it is subscribed again. With `fireAndForget()` messages may have been missed. Resumable channels read
   * them by themselves.
   * @default none
   */
  readonly onReconnect?: ((channel: { readonly name: string }) => unknown) | undefined;
}

/** Options of `messages`. */
export interface ChannelMessagesOptions extends ChannelSubscribeOptions {
  /** Ends the loop. */
  readonly signal?: AbortSignal | undefined;
  /**
   * About how many messages may wait for a slow loop. Of a resumable channel, the others are read from its log later. Of another, the loop ends
   * with a `SlowConsumerError`.
   * @default 1_000
   */
  readonly buffer?: number | undefined;
}

/** Channels on which messages are published. */
export interface Channels<Message = unknown> {
  /**
   * Publishes a message.
   * @throws {OptionError} The name is empty or too long, the message is no plain JSON, or a `requestId` is given with `fireAndForget()`.
   * @throws {MessageInvalidError} The message does not fit the schema.
   * @throws {ValueTooLargeError} The message is larger than `maxBytes`.
   */
  publish(name: string, message: Message, options?: ChangeOptions): Promise<Published>;
  /**
   * Calls the listener with each message. It resolves when nothing that is published from then on can be missed, save what `delivery` may lose.
   * @returns A function that ends the subscription.
   * @throws {OptionError} There is no `subscriber`, or an option does not fit the `delivery`.
   */
  subscribe(
    names: ChannelNames,
    listener: ChannelListener<Message>,
    options?: ChannelSubscribeOptions,
  ): Promise<StopListening>;
  /**
   * Gives the messages to a `for await` loop, which ends its subscription when it is left. It subscribes at the first turn of the loop.
   * @throws {SlowConsumerError} The loop was too slow for a channel without a log.
   */
  messages(names: ChannelNames, options?: ChannelMessagesOptions): AsyncGenerator<ChannelMessage<Message>, void, void>;
}
