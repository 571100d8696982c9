import type { Redis } from "../core/port/redis.ts";
import type { Subscriber } from "../core/port/subscriber.ts";
import { type Answer, createAnswerer } from "./answerer.ts";
import { inquiryOf } from "./inquiry.ts";
import { toReadableStream } from "./streams/outbox.ts";
import type { GatewayToken } from "./tokens.ts";

/** Answers a request of the Upstash REST protocol. It never rejects. */
export type Gateway = (request: Request) => Promise<Response>;

/** Options of `createGateway`. */
export interface GatewayOptions {
  /** The valid bearer tokens, as strings or with their rights. There must be at least one. */
  readonly tokens: readonly (string | GatewayToken)[];
  /**
   * The largest request body, in bytes. A larger one gets the status 413 as soon as it passes the limit.
   * @default 10_485_760
   */
  readonly maxBody?: number;
  /**
   * The most commands in one request to `/pipeline` or `/multi-exec`.
   * @default 10_000
   */
  readonly maxCommands?: number;
  /**
   * Who listens for the streams of `/subscribe` and `/psubscribe`: `ioredisSubscriber(client.duplicate())`, or what `memory()` gave. All streams share its connection.
   * @default none: these paths are answered with 404
   */
  readonly subscriber?: Subscriber | undefined;
  /**
   * The time between two signs of life in a stream, in milliseconds. They cost Redis nothing.
   * @default 15_000
   */
  readonly heartbeat?: number | undefined;
  /**
   * The most streams of one token at once. One more gets the status 429.
   * @default 1_000
   */
  readonly maxStreams?: number | undefined;
  /**
   * The most channels, or patterns, of one stream. More get the status 400.
   * @default 1_000
   */
  readonly maxChannels?: number | undefined;
  /**
   * How much the reader of a stream may leave unread behind the message that it is reading, in bytes. If there is more when another message
   * comes, the reader is told by the event `dropped`, and its stream ends.
   * @default 1_048_576
   */
  readonly maxPending?: number | undefined;
  /** Receives the errors that are answered with the status 500 or 503. Errors that it throws are ignored. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Creates a handler for the Upstash REST protocol in front of any Redis port. Use it for local development, or for edge functions with a
 * self-hosted Redis or Valkey. `/multi-exec` needs a port with `transaction`.
 * @throws {OptionError} There is no token, a token does not fit into a header, or a limit is below 1.
 * @example
 * const gateway = createGateway(ioredis(client), { tokens: [token] });
 * export const POST = (request: Request) => gateway(request);
 */
export function createGateway(redis: Redis, options: GatewayOptions): Gateway {
  const answer = createAnswerer(redis, options);
  return async (request) => {
    const answered = await answer(inquiryOf(request));
    return new Response(request.method === "HEAD" ? null : bodyOf(answered), answered);
  };
}

function bodyOf(answered: Answer): BodyInit | null {
  if ("json" in answered) return answered.json;
  return answered.outbox && toReadableStream(answered.outbox);
}
