import { checkDuration, checkOptions } from "../../core/check.ts";
import type { Redis } from "../../core/port/redis.ts";
import type { Post } from "../http/delivery.ts";
import { createHttpPort } from "../http/port.ts";
import { findRequester, type UpstashClient } from "./client.ts";
import { decodeList, decodeSingle, throwPortError } from "./replies.ts";

/** Options of `upstash`. */
export interface UpstashOptions {
  /**
   * The deadline of every call, in milliseconds. The client itself has none, and retries for about 4 seconds.
   * @default 2000
   */
  readonly timeout?: number | undefined;
  /**
   * `true` sends the calls of one tick as one request, in their order. `false` sends each call as a request of its own.
   * @default true
   */
  readonly batch?: boolean | undefined;
}

/**
 * Creates a port over an @upstash/redis client, of the package's root, `/cloudflare` or `/fastly`, with any options. It uses the client's
 * HTTP part alone, so that the client neither deserialises replies nor pipelines commands by itself. In a Worker, it never sends calls of
 * two requests together. After a lost reply, the client sends any command again, not only those that are marked `idempotent`. It also removes a byte order mark
 * at the beginning of a string, unless it was created with `responseEncoding: false`.
 * @throws {OptionError} It is not such a client, it has no URL or token, or it was created with one `signal` for all requests.
 * @example
 * import { Redis } from "@upstash/redis";
 * const redis = upstash(Redis.fromEnv());
 * const limiter = createLimiter(redis, { prefix: "api", algorithm: slidingWindow({ limit: 10, window: seconds(10) }) });
 */
export function upstash(client: UpstashClient, options?: UpstashOptions): Redis {
  const { timeout = 2_000, batch = true } = checkOptions(options, "{ timeout: 500 }") ?? {};
  checkDuration("timeout", timeout);
  const request = findRequester(client);

  const post: Post = async (path, commands, signal) => {
    const isSingle = commands.length === 1 && path === "/pipeline";
    const sent = isSingle ? request([], commands[0], signal) : request([path.slice(1)], commands, signal);
    const answer = await sent.catch(throwPortError);
    return isSingle ? decodeSingle(answer) : decodeList(answer, commands.length);
  };
  // The client sends again by itself.
  return createHttpPort(post, timeout, batch, 0);
}
