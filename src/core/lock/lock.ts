import { port } from "../check.ts";
import type { Redis } from "../redis.ts";
import { integer } from "../reply.ts";
import { acquireLock } from "./acquire.lua.ts";
import type { Claim } from "./claim.ts";
import { extendLock } from "./extend.lua.ts";
import { createHolder, type HolderOptions, type Locks } from "./holder.ts";
import { type LockNaming, lockNaming } from "./keys.ts";
import { releaseLock } from "./release.lua.ts";

/** Options of a lock. */
export interface LockOptions extends HolderOptions {
  /**
   * The first part of every key.
   * @default "lock"
   */
  readonly prefix?: string | undefined;
  /**
   * Names the keys: `redlockNaming()` for the time in which processes with redlock take part.
   * @default `prefix:{name}` and its parts
   */
  readonly naming?: LockNaming | undefined;
}

/**
 * Mutual exclusion by lease: at most one holder per name, until its deadline. One command to acquire, one to release.
 * @throws {OptionError} An option can never work.
 * @example
 * const locks = createLock(redis, { ttl: seconds(10) });
 * await locks.run("invoice:7", async ({ signal, fence }) => {
 *   await sendInvoice(7, { signal, fence });
 * });
 */
export function createLock(redis: Redis, options: LockOptions): Locks {
  port(redis);
  const { prefix = "lock", naming = lockNaming(prefix) } = options;
  return createHolder(prefix, (name) => lockClaim(redis, naming, name), options);
}

function lockClaim(redis: Redis, naming: LockNaming, name: string): Claim {
  const keys = naming(name);
  return {
    name,
    channel: keys.wanted,
    acquire: ({ token, ttl, waits }, options) =>
      acquireLock(redis, { ...keys, token, ttl, waits: waits ? 1 : 0 }, options),
    extend: (token, ttl, options) => extendLock(redis, { ...keys, token, ttl }, options),
    release: (token, fence, options) => releaseLock(redis, { ...keys, token, fence }, options),
    remaining: async (options) => Math.max(0, integer(await redis.send(["PTTL", keys.lock], options))),
  };
}
