import { checkDuration, checkPort } from "../../../check.ts";
import { keyPrefix } from "../../../keys.ts";
import type { Redis } from "../../../port/redis.ts";
import { integer } from "../../../port/reply.ts";
import type { Claim } from "../lockable.ts";
import { extendLock } from "../scripts/extend.lua.ts";
import { freedKey, type ReadWriteKeys, readWriteKeys } from "../keys.ts";
import { createHolder, type Locks } from "../locks.ts";
import type { HolderOptions } from "../options.ts";
import {
  acquireRead,
  acquireWrite,
  extendRead,
  releaseRead,
  releaseWrite,
  untilUnread,
} from "../scripts/read-write.lua.ts";

/** A lock that many readers hold together, or one writer alone. */
export interface ReadWriteLock {
  /** Grants leases to readers; `inspect` tells whether anybody reads. */
  readonly read: Locks;
  /** Grants leases to writers; `inspect` tells whether somebody writes. */
  readonly write: Locks;
}

/** Options of a read-write lock. */
export interface ReadWriteOptions extends HolderOptions {
  /**
   * How long a waiter that has died keeps its place, in milliseconds. Those who wait ask again three times in that time.
   * @default 5000
   */
  readonly patience?: number | undefined;
  /**
   * The first part of every key.
   * @default "rw"
   */
  readonly prefix?: string | undefined;
}

/**
 * Readers together, writers alone. A waiting writer goes before every reader who comes later, and after those who came before: no
 * stream of readers starves writers, and no stream of writers starves readers. A lease cannot be turned from one into the other;
 * release it and acquire the other.
 * @throws {OptionError} An option can never work.
 * @example
 * const index = createReadWriteLock(redis, { ttl: seconds(10) });
 * await index.read.run("products", () => search());
 * await index.write.run("products", ({ fence }) => rebuild(fence));
 */
export function createReadWriteLock(redis: Redis, options: ReadWriteOptions): ReadWriteLock {
  checkPort(redis, options);
  const { prefix = "rw", patience = 5_000 } = options;
  keyPrefix(prefix);
  checkDuration("patience", patience);
  return {
    read: createHolder(prefix, (name) => readClaim(redis, readWriteKeys(prefix, name), name, patience), options),
    write: createHolder(prefix, (name) => writeClaim(redis, readWriteKeys(prefix, name), name, patience), options),
  };
}

function readClaim(redis: Redis, keys: ReadWriteKeys, name: string, patience: number): Claim {
  return {
    name,
    channel: keys.wanted,
    queues: true,
    acquire: (ask, options) => acquireRead(redis, { ...keys, ...ask, patience }, options),
    extend: (token, ttl, options) => extendRead(redis, { ...keys, token, ttl }, options),
    release: (token, _, options) => releaseRead(redis, { ...keys, token, freed: freedKey(keys.freed, token) }, options),
    remaining: (options) => untilUnread(redis, keys, options),
  };
}

function writeClaim(redis: Redis, keys: ReadWriteKeys, name: string, patience: number): Claim {
  return {
    name,
    channel: keys.wanted,
    queues: true,
    acquire: (ask, options) => acquireWrite(redis, { ...keys, ...ask, patience }, options),
    extend: (token, ttl, options) => extendLock(redis, { lock: keys.writer, token, ttl }, options),
    release: (token, fence, options) => releaseWrite(redis, { ...keys, token, fence }, options),
    remaining: async (options) => Math.max(0, integer(await redis.send(["PTTL", keys.writer], options))),
  };
}
