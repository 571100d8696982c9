import { checkDuration } from "../../core/check.ts";
import { OptionError } from "../../core/errors.ts";
import type { Redis } from "../../core/port/redis.ts";
import { createHttpPort } from "../http/port.ts";
import { createPost } from "./post.ts";

/** Options of `rest`. */
export interface RestOptions {
  /** The database's REST URL, such as `https://name.upstash.io`, or the address of a `redis-patterns gateway`. */
  readonly url: string;
  /** The database's REST token. */
  readonly token: string;
  /**
   * The function that sends requests: the fetch of a service binding, or one that adds `cache: "no-store"`.
   * @default the global fetch
   */
  readonly fetch?: typeof fetch | undefined;
  /**
   * The deadline of every call, in milliseconds.
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
 * Creates a port over the Upstash REST protocol, which needs nothing but `fetch`. One port is enough for a process or isolate. In a Worker,
 * it never sends calls of two requests together. After a lost reply or a status of 5xx, commands that are marked `idempotent` are sent
 * again, at most twice and within the deadline.
 * @throws {OptionError} The URL, the token or the deadline can never work.
 * @example
 * const redis = rest({ url: "https://name.upstash.io", token: env.REDIS_TOKEN });
 * const lock = createLock(redis, { prefix: "job", ttl: seconds(10) });
 */
export function rest(options: RestOptions): Redis {
  const { url, token, fetch, timeout = 2_000, batch = true } = options ?? {};
  checkDuration("timeout", timeout);
  return createHttpPort(createPost(checkUrl(url), checkToken(token), fetch), timeout, batch, 2);
}

export function checkUrl(url: string): string {
  if (/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(url)) return url.replace(/\/$/, "");
  throw new OptionError("`url` must be the REST URL, https://... without query; redis:// is for ioredis");
}

// The error of fetch quotes a header that it cannot send, and would so show the secret.
export function checkToken(token: string): string {
  if (token && /^[!-~]+$/.test(token)) return token;
  throw new OptionError("`token` must be the REST token without spaces");
}
