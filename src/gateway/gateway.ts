import type { Redis } from "../core/port/redis.ts";
import { type Answer, createAnswerer } from "./answerer.ts";
import { inquiryOf } from "./inquiry.ts";
import { toReadableStream } from "./streams/outbox.ts";
import type { StreamOptions } from "./streams/streams.ts";
import type { GatewayToken } from "./tokens.ts";

/** Answers a request of the Upstash REST protocol. It never rejects. */
export type Gateway = (request: Request) => Promise<Response>;

/** Options of `createGateway`. */
export interface GatewayOptions extends StreamOptions {
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
