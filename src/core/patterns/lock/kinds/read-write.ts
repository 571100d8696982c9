import { checkDuration } from "../../../check.ts";
import type { Redis } from "../../../port/redis.ts";
import { freedKey, freedKeys, type ReadWriteKeys, readWriteKeys, readWriteNamespace } from "../keys.ts";
import { type Lockable, remainingOf } from "../lockable.ts";
import { createLocks, type Locks } from "../locks.ts";
import type { LeaseOptions } from "../options.ts";
import { acquireLock } from "../scripts/acquire.lua.ts";
import { extendLock } from "../scripts/extend.lua.ts";
import {
  acquireRead,
  acquireWrite,
  extendRead,
  inspectReaders,
  releaseRead,
  releaseWrite,
} from "../scripts/read-write.lua.ts";
import { portFor } from "../../../wait/ask-again.ts";

/** A lock that many readers hold together, or one writer alone. */
export interface ReadWriteLock {
  /** Grants leases to readers; `inspect` tells if anybody reads. */
  readonly read: Locks;
  /** Grants leases to writers; `inspect` tells if somebody writes. */
  readonly write: Locks;
}

/** Options of a read-write lock. */
export interface ReadWriteOptions extends LeaseOptions {
  /**
   * The time for which a waiter that has died keeps its place, in milliseconds. Waiters ask again three times in that time.
   * @default 5000
   */
  readonly patience?: number | undefined;
  /** Names this lock among others: the first part of every key, after the word `read-write`. */
  readonly prefix: string;
}

/**
 * Readers together, writers alone. A waiting writer goes before every reader that comes later, and after those that came before: no
 * stream of readers starves writers, and no stream of writers starves readers. A read lease cannot be turned into a write lease, nor
 * the other way round; release the one and acquire the other.
 * @throws {OptionError} An option can never work.
 * @example
 * const index = createReadWriteLock(redis, { prefix: "search", ttl: seconds(10) });
 * await index.read.run("products", () => search());
 * await index.write.run("products", ({ fence }) => rebuild(fence));
 */
export function createReadWriteLock(redis: Redis, options: ReadWriteOptions): ReadWriteLock {
  const port = portFor(redis, options);
  const { prefix, patience = 5_000 } = options;
  const namespace = readWriteNamespace(prefix);
  const keysOf = (name: string) => readWriteKeys(namespace, name);
  checkDuration("patience", patience);
  return {
    read: createLocks(prefix, (name) => createReaders(port, keysOf(name), name, patience), options),
    write: createLocks(prefix, (name) => createWriter(port, keysOf(name), name, patience), options),
  };
}

function createReaders(redis: Redis, keys: ReadWriteKeys, name: string, patience: number): Lockable {
  return {
    name,
    channel: keys.wanted,
    queues: true,
    acquire: (request, options) =>
      acquireRead(redis, { ...keys, ...request, ...freedKeys(keys.freed, request), patience }, options),
    extend: (token, ttl, options) => extendRead(redis, { ...keys, token, ttl }, options),
    release: (token, _, options) => releaseRead(redis, { ...keys, token, freed: freedKey(keys.freed, token) }, options),
    remaining: (options) => inspectReaders(redis, keys, options),
  };
}

function createWriter(redis: Redis, keys: ReadWriteKeys, name: string, patience: number): Lockable {
  return {
    name,
    channel: keys.wanted,
    queues: true,
    acquire: ({ held, ...request }, options) =>
      held === undefined
        ? acquireWrite(redis, { ...keys, ...request, patience }, options)
        : acquireLock(redis, { ...keys, ...request, held, lock: keys.writer }, options),
    extend: (token, ttl, options) => extendLock(redis, { lock: keys.writer, token, ttl }, options),
    release: (token, fence, options) => releaseWrite(redis, { ...keys, token, fence }, options),
    remaining: (options) => remainingOf(redis, keys.writer, options),
  };
}
