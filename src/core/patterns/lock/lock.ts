import { checkFunction, checkMethods, checkPort } from "../../check.ts";
import type { Redis } from "../../port/redis.ts";
import { acquireLock } from "./scripts/acquire.lua.ts";
import type { Claim } from "./lockable.ts";
import { createHolder, type HolderOptions, type Locks } from "./locks.ts";
import { holding } from "./holding.ts";
import { type LockKeys, type LockNaming, lockNaming } from "./keys.ts";
import { releaseLock } from "./scripts/release.lua.ts";
import type { ReplicaWait } from "./kinds/replicas.ts";

/** Options of a lock. */
export interface LockOptions extends HolderOptions {
  /**
   * The first part of every key.
   * @default "lock"
   */
  readonly prefix?: string | undefined;
  /**
   * Who comes next: `firstComeFirstServed()`.
   * @default whoever asks first after a release
   */
  readonly order?: LockOrder | undefined;
  /**
   * Names the keys: `redlockNaming()` for the time in which processes with redlock take part.
   * @default `prefix:{name}` and its parts
   */
  readonly naming?: LockNaming | undefined;
  /**
   * Waits until replicas have what was granted: `waitForReplicas()`, over TCP to one server.
   * @default the master's word is enough
   */
  readonly replicas?: ReplicaWait | undefined;
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

/** Makes the claim on one name. */
export type LockOrder = (redis: Redis, keys: LockKeys, name: string) => Claim;

function whoeverAsks(redis: Redis, keys: LockKeys, name: string): Claim {
  return {
    ...holding(redis, keys, name),
    acquire: (ask, options) => acquireLock(redis, { ...keys, ...ask }, options),
    release: (token, fence, options) => releaseLock(redis, { ...keys, token, fence }, options),
  };
}
