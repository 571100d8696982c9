import { checkFunction, checkMethods } from "../../check.ts";
import type { Redis } from "../../port/redis.ts";
import { type LockKeys, lockNaming } from "./keys.ts";
import { type Lockable, singleKey } from "./lockable.ts";
import { createLocks, type Locks } from "./locks.ts";
import type { LockOptions } from "./options.ts";
import { acquireLock } from "./scripts/acquire.lua.ts";
import { releaseLock } from "./scripts/release.lua.ts";
import { portFor } from "../../wait/ask-again.ts";

/**
 * Mutual exclusion by lease: at most one holder per name, until its deadline. One command to acquire, one to release.
 * @throws {OptionError} An option can never work.
 * @example
 * const locks = createLock(redis, { prefix: "job", ttl: seconds(10) });
 * await locks.run("invoice:7", async ({ signal, fence }) => {
 *   await sendInvoice(7, { signal, fence });
 * });
 */
export function createLock(redis: Redis, options: LockOptions): Locks {
  const port = portFor(redis, options);
  const { prefix, order = unordered, replicas } = options;
  const usual = lockNaming(prefix);
  const { naming = usual } = options;
  checkFunction("order", order);
  checkFunction("naming", naming);
  const confirm = replicas === undefined ? undefined : checkFunction("replicas", replicas)(port);
  const createLockable = (name: string) => {
    const keys = naming(name);
    const made = order(port, keys, name);
    return checkMethods("order", confirm ? confirm(made, keys) : made, "called: firstComeFirstServed()", "acquire");
  };
  return createLocks(prefix, createLockable, options);
}

/** The first to ask after a release gets the lock. */
function unordered(redis: Redis, keys: LockKeys, name: string): Lockable {
  return {
    ...singleKey(redis, keys, name),
    acquire: (request, options) => acquireLock(redis, { held: "", ...keys, ...request }, options),
    release: (token, fence, options) => releaseLock(redis, { ...keys, token, fence }, options),
  };
}
