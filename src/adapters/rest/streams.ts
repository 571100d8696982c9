import { type Channel, isUsed, type Word } from "./channels.ts";

/** What a subscriber tells its program. */
export interface RestSubscriberEvent {
  /**
   * `open`: all channels of a request are confirmed. `lost`: the request failed or its stream ended; it is made again. `ended`: nobody listens
   * any more. `skipped`: a message was larger than `maxBytes`.
   */
  readonly type: "open" | "lost" | "ended" | "skipped";
  /** The channels or patterns that it is about. */
  readonly channels: readonly string[];
  /** Why it was lost. */
  readonly error?: unknown;
}

/** A request whose answer does not end, made again and again while somebody listens. */
export interface Stream {
  readonly word: Word;
  readonly channels: Set<Channel>;
  /** The channels of the request under way. */
  asked: ReadonlyMap<string, Channel>;
  phase: "gathering" | "connecting" | "open" | "pausing";
  /** Since when it has channels to which nobody listens, by `performance.now()`. */
  unusedSince: number;
  /** Ends the request, or the pause before the next one. */
  interrupt(): void;
}

/** What the streams of one subscriber share. */
export interface StreamContext {
  readonly url: string;
  readonly token: string;
  readonly fetch: typeof fetch | undefined;
  readonly timeout: number;
  readonly maxBytes: number;
  readonly maxAge: number;
  readonly maxRequests: number;
  readonly batch: boolean;
  readonly channels: Readonly<Record<Word, Map<string, Channel>>>;
  readonly streams: Set<Stream>;
  report(event: RestSubscriberEvent): void;
}

export function namesOf(channels: Iterable<Channel>): string[] {
  return Array.from(channels, ({ name }) => name);
}

export function findStream({ streams }: StreamContext, channel: Channel): Stream | undefined {
  return [...streams].find(({ channels }) => channels.has(channel));
}

/** Forgets the channels to which nobody listens. A stream without any other is closed. */
export function dropUnused(context: StreamContext, stream: Stream): void {
  const unused = [...stream.channels].filter((channel) => !isUsed(channel));
  if (unused.length === stream.channels.size) return closeStream(context, stream);
  for (const channel of unused) {
    // The request under way goes on with it, and who asks for it again gets it at once.
    if (stream.asked.has(channel.name)) stream.unusedSince = Math.min(stream.unusedSince, performance.now());
    else forget(context, stream, channel);
  }
}

function closeStream(context: StreamContext, stream: Stream): void {
  const channels = namesOf(stream.channels);
  context.streams.delete(stream);
  for (const channel of stream.channels) forget(context, stream, channel);
  stream.interrupt();
  context.report({ type: "ended", channels });
}

function forget({ channels }: StreamContext, stream: Stream, channel: Channel): void {
  stream.channels.delete(channel);
  channels[channel.word].delete(channel.name);
}
