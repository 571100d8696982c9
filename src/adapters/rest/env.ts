import { OptionError } from "../../core/errors.ts";
import type { Redis } from "../../core/port/redis.ts";
import { type RestOptions, rest } from "./rest.ts";

/** The environment variables that Upstash and Vercel set, as in a Worker's `env` or Node's `process.env`. */
export interface RestEnv {
  readonly UPSTASH_REDIS_REST_URL?: string | undefined;
  readonly UPSTASH_REDIS_REST_TOKEN?: string | undefined;
  readonly KV_REST_API_URL?: string | undefined;
  readonly KV_REST_API_TOKEN?: string | undefined;
}

/**
 * Creates a `rest` port with the URL and the token from `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`. If one of them is missing,
 * it takes `KV_REST_API_URL` and `KV_REST_API_TOKEN`.
 * @throws {OptionError} Neither pair is complete.
 * @example
 * const redis = restFromEnv(env); // in Node: restFromEnv(process.env)
 */
export function restFromEnv(env: RestEnv, options?: Omit<RestOptions, "url" | "token">): Redis {
  const pairs = [
    [env?.UPSTASH_REDIS_REST_URL, env?.UPSTASH_REDIS_REST_TOKEN],
    [env?.KV_REST_API_URL, env?.KV_REST_API_TOKEN],
  ] as const;
  for (const [url, token] of pairs) if (url && token) return rest({ ...options, url, token });
  throw new OptionError(
    "`env` must hold UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or KV_REST_API_URL and KV_REST_API_TOKEN",
  );
}
