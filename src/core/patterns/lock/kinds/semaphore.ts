import { checkCount } from "../../../check.ts";
import type { Redis } from "../../../port/redis.ts";
import { freedKey, freedKeys, semaphoreKeys, semaphoreNamespace } from "../keys.ts";
import type { Lockable } from "../lockable.ts";
import { createLocks, type Locks } from "../locks.ts";
import type { LeaseOptions } from "../options.ts";
import { acquirePlace, extendPlace, inspectPlaces, releasePlace } from "../scripts/semaphore.lua.ts";
import { portFor } from "../../../wait/ask-again.ts";

/** Options of a semaphore. */
export interface SemaphoreOptions extends LeaseOptions {
  /** The number of holders at a time. */
  readonly limit: number;
  /** Names this semaphore among others: the first part of every key, after the word `semaphore`. */
  readonly prefix: string;
}

/**
 * At most `limit` holders per name, each by a lease of its own. `inspect` tells if all places are taken, and for how long.
 * @throws {OptionError} An option can never work.
 * @example
 * const exports = createSemaphore(redis, { prefix: "export", limit: 3, ttl: seconds(30) });
 * await exports.run("pdf", ({ signal }) => renderPdf({ signal }));
 */
export function createSemaphore(redis: Redis, options: SemaphoreOptions): Locks {
  const port = portFor(redis, options);
  const { prefix } = options;
  const namespace = semaphoreNamespace(prefix);
  const limit = checkCount("limit", options.limit);
  return createLocks(prefix, (name) => createPlace(port, namespace, limit, name), options);
}

function createPlace(redis: Redis, namespace: string, limit: number, name: string): Lockable {
  const keys = semaphoreKeys(namespace, name);
  return {
    name,
    channel: keys.wanted,
    acquire: (request, options) =>
      acquirePlace(redis, { ...keys, ...request, ...freedKeys(keys.freed, request), limit }, options),
    extend: (token, ttl, options) => extendPlace(redis, { ...keys, token, ttl }, options),
    release: (token, _, options) =>
      releasePlace(redis, { ...keys, token, freed: freedKey(keys.freed, token) }, options),
    remaining: (options) => inspectPlaces(redis, { ...keys, limit }, options),
  };
}
