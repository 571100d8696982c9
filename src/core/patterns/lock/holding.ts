import type { Redis } from "../../port/redis.ts";
import { integer } from "../../port/reply.ts";
import type { Claim } from "./lockable.ts";
import { extendLock } from "./scripts/extend.lua.ts";
import type { LockKeys } from "./keys.ts";

/** What is the same for every lock of one key, whoever comes next. */
export function holding(
  redis: Redis,
  keys: Pick<LockKeys, "lock" | "wanted">,
  name: string,
): Omit<Claim, "acquire" | "release"> {
  return {
    name,
    channel: keys.wanted,
    extend: (token, ttl, options) => extendLock(redis, { ...keys, token, ttl }, options),
    remaining: async (options) => Math.max(0, integer(await redis.send(["PTTL", keys.lock], options))),
  };
}
