import { checkFunction, checkMethods, checkPort } from "../../check.ts";
import type { Redis } from "../../port/redis.ts";
import { acquireLock } from "./scripts/acquire.lua.ts";
import { type Claim, holding } from "./lockable.ts";
import { createHolder, type Locks } from "./locks.ts";
import { type LockKeys, lockNaming } from "./keys.ts";
import type { LockOptions } from "./options.ts";
import { releaseLock } from "./scripts/release.lua.ts";

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
  checkPort(redis, options);
  const { prefix = "lock", naming = lockNaming(prefix), order = whoeverAsks, replicas } = options;
  checkFunction("order", order);
  checkFunction("naming", naming);
  const confirm = replicas && checkFunction("replicas", replicas)(redis);
  const claimOf = (name: string) => {
    const keys = naming(name);
    const claim = order(redis, keys, name);
    return checkMethods("order", confirm ? confirm(claim, keys) : claim, "called: firstComeFirstServed()", "acquire");
  };
  return createHolder(prefix, claimOf, options);
}

function whoeverAsks(redis: Redis, keys: LockKeys, name: string): Claim {
  return {
    ...holding(redis, keys, name),
    acquire: (ask, options) => acquireLock(redis, { ...keys, ...ask }, options),
    release: (token, fence, options) => releaseLock(redis, { ...keys, token, fence }, options),
  };
}
