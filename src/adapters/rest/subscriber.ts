import { checkCount, checkDuration, checkFlag, checkFunction } from "../../core/check.ts";
import { OptionError } from "../../core/errors.ts";
import { emit } from "../../core/event.ts";
import type { Listener, SubscribeOptions, Subscriber, Unsubscribe } from "../../core/port/subscriber.ts";
import { type Subscription, toChannel, toSubscription } from "../../core/port/subscriptions.ts";
import { raceDeadline } from "../../core/time/deadline.ts";
import { minutes } from "../../core/time/duration.ts";
import { admit, type Channel, isUsed, type Word } from "./channels.ts";
import { placeChannel, wake } from "./placing.ts";
import { checkToken, checkUrl } from "./rest.ts";
import { run } from "./run.ts";
import { dropUnused, findStream, type RestSubscriberEvent, type StreamContext } from "./streams.ts";

/** Options of `restSubscriber`. */
export interface RestSubscriberOptions {
  /** The database's REST URL, such as `https://name.upstash.io`, or the address of a `redis-patterns gateway`. */
  readonly url: string;
  /** The database's REST token. */
  readonly token: string;
  /**
   * The function that sends requests: the fetch of a service binding.
   * @default the global fetch
   */
  readonly fetch?: typeof fetch | undefined;
  /**
   * How long a confirmation may take, and how late a heartbeat of our gateway may be, in milliseconds.
   * @default 2000
   */
  readonly timeout?: number | undefined;
  /**
   * `true` sends several channels in one request. `false` is for a service that takes one only.
   * @default true
   */
  readonly batch?: boolean | undefined;
  /**
   * The most requests that are open at once. A Worker may have six. When there are as many, a new channel is added to one of them: it is made
   * again, and `onReconnect` is called for its other channels.
   * @default 4
   */
  readonly maxRequests?: number | undefined;
  /**
   * The largest message, in bytes. A larger one is skipped: `onEvent` is told, and `onReconnect` is called.
   * @default 1_048_576
   */
  readonly maxBytes?: number | undefined;
  /**
   * After how long a request is made again, in milliseconds, that nothing came on, if the server sends no heartbeats; or that has a channel to
   * which nobody listens any more. It is a random part of this, half of it or more.
   * @default 300_000, which is five minutes
   */
  readonly maxAge?: number | undefined;
  /** Receives what becomes of the requests. Its errors are ignored. */
  readonly onEvent?: ((event: RestSubscriberEvent) => void) | undefined;
}

/**
 * Subscribes over the Upstash REST protocol, which needs nothing but `fetch`. Channels that are subscribed in one tick share a request that
 * stays open. A stream that ends, fails or falls silent is opened again, and `onReconnect` is called then. While nobody listens, nothing
 * is open and nothing runs. In a Worker, create it inside of the request that listens.
 * @throws {OptionError} An option can never work.
 * @example
 * const subscriber = restSubscriber({ url: "https://name.upstash.io", token: env.REDIS_TOKEN });
 * const stop = await subscriber.subscribe("news", (message) => show(message));
 */
export function restSubscriber(options: RestSubscriberOptions): Subscriber {
  const { url, token, fetch, timeout = 2_000, batch = true, onEvent } = options ?? {};
  const { maxRequests = 4, maxBytes = 1_048_576, maxAge = minutes(5) } = options ?? {};
  if (onEvent !== undefined) checkFunction("onEvent", onEvent);
  const context: StreamContext = {
    url: checkUrl(url),
    token: checkToken(token),
    fetch,
    timeout: checkDuration("timeout", timeout),
    batch: checkFlag("batch", batch),
    maxRequests: checkCount("maxRequests", maxRequests),
    maxBytes: checkCount("maxBytes", maxBytes),
    maxAge: checkDuration("maxAge", maxAge),
    channels: { subscribe: new Map(), psubscribe: new Map() },
    streams: new Set(),
    report: (event) => emit(onEvent, event),
  };
  return {
    subscribe: (...call) => subscribe(context, "subscribe", ...call),
    psubscribe: (...call) => subscribe(context, "psubscribe", ...call),
  };
}

async function subscribe(
  context: StreamContext,
  word: Word,
  given: string,
  listener: Listener,
  options?: SubscribeOptions,
): Promise<Unsubscribe> {
  const subscription = toSubscription(listener, options);
  const option = word === "subscribe" ? "channel" : "pattern";
  const name = toChannel(option, given);
  const part = checkPart(option, name);
  const signal = options?.signal;
  signal?.throwIfAborted();
  const channel = context.channels[word].get(name) ?? createChannel(context, word, name, part);
  channel.subscriptions.add(subscription);
  const end = () => leave(context, channel, subscription);
  try {
    await raceDeadline(context.timeout, signal, () => waitForConfirmation(context, channel, subscription));
  } catch (error) {
    end();
    throw error;
  }
  return async () => end();
}

/** A part of a path that is one or two dots is taken out by every client, also if it is encoded. */
function checkPart(option: string, name: string): string {
  if (!/^\.\.?$/.test(name)) return encodeURIComponent(name);
  throw new OptionError(`\`${option}\` must not be "." or "..", which no URL can name`);
}

function createChannel({ channels }: StreamContext, word: Word, name: string, part: string): Channel {
  const channel = { word, name, part, subscriptions: new Set<never>(), waiting: new Map(), open: false };
  channels[word].set(name, channel);
  return channel;
}

function waitForConfirmation(context: StreamContext, channel: Channel, subscription: Subscription): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.waiting.set(subscription, { failures: 0, resolve, reject });
    if (channel.open) return admit(channel, subscription);
    const stream = findStream(context, channel);
    if (stream) wake(stream);
    else placeChannel(context, channel, (stream) => void run(context, stream));
  });
}

function leave(context: StreamContext, channel: Channel, subscription: Subscription): void {
  channel.waiting.delete(subscription);
  if (!channel.subscriptions.delete(subscription) || isUsed(channel)) return;
  const stream = findStream(context, channel);
  if (stream) dropUnused(context, stream);
  else context.channels[channel.word].delete(channel.name);
}
