import { checkCount, checkDuration, checkFunction, checkMethods, checkText } from "../../check.ts";
import { type Codec, checkCodec } from "../../data/codec.ts";
import type { StandardSchema } from "../../data/schema.ts";
import { OptionError, ReplyError } from "../../errors.ts";
import { emit, type OnEvent } from "../../event.ts";
import { createInternals, insideOf } from "../../internals.ts";
import { maxIdLength, namespaceOf } from "../../keys.ts";
import { isPolling, type Polling } from "../../log/polling.ts";
import type { LogStart } from "../../log/start.ts";
import type { Redis } from "../../port/redis.ts";
import type { Subscriber } from "../../port/subscriber.ts";
import type { ChangeOptions } from "../../request.ts";
import { hours } from "../../time/duration.ts";
import { portFor } from "../../wait/ask-again.ts";
import { type Delivery, partsOf } from "./delivery.ts";
import type { ChannelGap, ChannelOptions, ChannelStart, Published } from "./options.ts";
import type { ChannelPattern } from "./pattern.ts";

/** The checked options that all calls of one `createChannels` share. */
export interface ChannelContext {
  readonly redis: Redis;
  readonly prefix: string;
  /** The first part of every key and channel: `channel:prefix`. */
  readonly namespace: string;
  readonly subscriber: Subscriber | Polling | undefined;
  readonly delivery: Delivery["name"];
  readonly parts: DeliveryParts;
  readonly codec: Codec | undefined;
  readonly schema: StandardSchema<unknown> | undefined;
  readonly maxBytes: number;
  readonly requestTtl: number;
  readonly onEvent: OnEvent | undefined;
}

/** What one delivery does. */
export interface DeliveryParts {
  publish(context: ChannelContext, name: string, text: string, options: ChangeOptions): Promise<Published>;
  /** @throws {OptionError} An option does not fit. */
  listen(context: ChannelContext, request: ListenRequest): Promise<Listening>;
}

/** What is listened to, and how. */
export interface ListenRequest extends ChannelSink {
  readonly subscriber: Subscriber | Polling;
  readonly names: readonly string[] | ChannelPattern;
  readonly start: LogStart;
  readonly check: number;
  /** Whether the caller has asked to be told of gaps. */
  readonly asksForGaps: boolean;
  /** Ends it at any time. */
  readonly signal: AbortSignal;
}

/** Where messages go. None of these throws. */
export interface ChannelSink {
  /** @param text It is `null` if a later version wrote the message. */
  receive(name: string, text: string | null, id: string | undefined): void;
  /** Told where a channel of a log begins, before its first message. */
  onStart(start: ChannelStart): void;
  onGap(gap: ChannelGap): void;
  onReconnect(name: string): void;
  /** Whether a message may come now. One that a log has may come later. */
  ready(): boolean;
}

/** What is listened to. */
export interface Listening {
  /** Goes on where `ready` said no. */
  resume(): void;
  /** Settles after the end, when Redis has heard of it. */
  readonly ended: Promise<unknown>;
}

export function createContext<Message>(
  redis: Redis,
  options: ChannelOptions<Message>,
  usual: Delivery,
): ChannelContext {
  const port = portFor(redis, options);
  const { prefix, subscriber, delivery = usual, codec, schema } = options;
  const { maxBytes = 100_000, requestTtl = hours(24), onEvent } = options;
  const remedy = "a Standard Schema, such as one of zod 3.24, valibot 1 or arktype 2";
  if (schema !== undefined) checkMethods("schema", Object(schema)["~standard"] ?? null, remedy, "validate");
  return {
    redis: port,
    prefix,
    namespace: namespaceOf("channel", prefix),
    subscriber: checkSubscriber(subscriber),
    delivery: delivery.name,
    parts: partsOf(delivery),
    codec: checkCodec(codec),
    schema,
    maxBytes: checkCount("maxBytes", maxBytes),
    requestTtl: checkDuration("requestTtl", requestTtl),
    onEvent: onEvent === undefined ? undefined : checkFunction("onEvent", onEvent),
  };
}

function checkSubscriber<T extends Subscriber | Polling | undefined>(subscriber: T): T {
  const isClient = Reflect.has(Object(subscriber), "publish");
  const remedy = "ioredisSubscriber(client), restSubscriber({ url, token }), memory() or polling({ every })";
  if (isPolling(subscriber)) return subscriber;
  checkMethods("subscriber", isClient ? null : subscriber, remedy, "subscribe", "psubscribe");
  return subscriber;
}

/** Checks the name of a channel. */
export function checkName(name: string): string {
  if (checkText("name", name).length <= maxIdLength) return name;
  throw new OptionError(`\`name\` must have at most ${maxIdLength} characters; use a hash of it`);
}

/** The error for a message that was published under another `delivery`. */
export function foreignMessage(): ReplyError {
  return new ReplyError("SHAPE The message was published without a log; all who share a `prefix` need one `delivery`");
}

/** Reports what happened on a channel. */
export function report({ onEvent, prefix }: ChannelContext, type: string, id: string, error?: unknown): void {
  if (onEvent) emit(onEvent, { pattern: "channel", type, prefix, id, error });
}

/** By what functions outside the factory know its context. */
export const channelInternals = /* @__PURE__ */ createInternals<ChannelContext>("channels");

/** @throws {OptionError} It was not made by `createChannels`. */
export function contextOf(made: unknown): ChannelContext {
  return insideOf(channelInternals, made, "`channels` must be what `createChannels` returned");
}
