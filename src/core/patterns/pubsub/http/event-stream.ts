import { checkCount, checkDuration, checkFunction, checkOneOf, checkOptions } from "../../../check.ts";
import { minutes, seconds } from "../../../time/duration.ts";
import { checkName, contextOf } from "../context.ts";
import type { ChannelMessage, Channels } from "../options.ts";
import { type BrowserEvent, sayChannel } from "./say-channel.ts";
import { type EventStreamRequest, lastEventId } from "./last-event-id.ts";
import { streamBody } from "./stream-body.ts";

/** Options of `toEventStream`. */
export interface EventStreamOptions<Message = unknown> {
  /**
   * Where a browser begins that names no last id: `"now"`, or at the `"beginning"` of what a resumable channel keeps.
   * @default "now"
   */
  readonly from?: "now" | "beginning" | undefined;
  /**
   * Chooses what the browser gets of a message. `undefined` keeps the message from it.
   * @default its data
   */
  readonly toEvent?: ((message: ChannelMessage<Message>) => BrowserEvent | undefined) | undefined;
  /**
   * For how long the stream may be silent, in milliseconds. Then it sends an empty comment, so that no proxy takes it for dead. Redis is not asked.
   * @default seconds(15)
   */
  readonly heartbeat?: number | undefined;
  /**
   * When the stream ends itself at the latest, in milliseconds; the browser connects again. It must be shorter than a response may take on your
   * platform.
   * @default minutes(4.5)
   */
  readonly maxAge?: number | undefined;
  /**
   * How long a browser waits before it connects again, in milliseconds. Each gets another pause, between a half more and a half less.
   * @default seconds(1)
   */
  readonly retry?: number | undefined;
  /**
   * About how many messages may wait for a slow browser. Of a resumable channel, the others are read from its log later. The stream of another ends.
   * @default 1_000
   */
  readonly buffer?: number | undefined;
  /** Ends the stream, as when the right to read was taken away. */
  readonly signal?: AbortSignal | undefined;
}

/** They tell caches and proxies to pass on each message at once, and as it is. */
const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  // For nginx, and those that took the name over from it.
  "x-accel-buffering": "no",
};

/**
 * Answers a browser's `EventSource` with the messages of a channel, each as JSON. On a resumable channel each has its id, and a browser that
 * connects again gets what it missed, or an event `gap` where that is not kept any more. Who may read is yours to check before the call.
 * @throws {OptionError} The name is empty or too long, or an option is of a wrong shape.
 * @example
 * const subscriber = ioredisSubscriber(client.duplicate());
 * const rooms = createChannels(redis, { prefix: "room", subscriber, delivery: resumable() });
 * const answer = (request: Request, room: string) => toEventStream(request, rooms, room);
 * // In the page: new EventSource("/rooms/7").onmessage = ({ data }) => show(JSON.parse(data));
 */
export function toEventStream<Message>(
  request: EventStreamRequest,
  channels: Channels<Message>,
  name: string,
  options: EventStreamOptions<Message> = {},
): Response {
  const { heartbeat = seconds(15), maxAge = minutes(4.5), retry = seconds(1), from = "now" } = checkOptions(options);
  const { toEvent = ({ data }) => ({ data }), buffer = 1_000, signal } = options;
  const stream = {
    context: contextOf(channels),
    channels,
    name: checkName(name),
    seen: lastEventId(request),
    from: checkOneOf("from", from, ["now", "beginning"]),
    toEvent: checkFunction("toEvent", toEvent),
    buffer: checkCount("buffer", buffer),
    heartbeat: checkDuration("heartbeat", heartbeat),
    retry: Math.round(checkDuration("retry", retry) * (0.5 + Math.random())),
  };
  const body = streamBody((left) => sayChannel(stream, left), {
    // Streams that began together do not end together.
    maxAge: checkDuration("maxAge", maxAge) * (0.9 + Math.random() / 10),
    signals: [request.signal, signal],
  });
  return new Response(request.method === "HEAD" ? null : body, { headers });
}
