import { checkPort } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { Redis } from "../../port/redis.ts";
import { bindContext, trip } from "./context.ts";
import type { Resolved } from "./flight.ts";
import type { Load } from "./load/call.ts";
import { quick } from "./load/fast-path.ts";
import { createResolve } from "./load/get-or-set.ts";
import {
  type CacheOptions,
  type CallOptions,
  createContext,
  type GetOptions,
  type GetOrSetOptions,
  type SetOptions,
} from "./options.ts";
import { getMany } from "./read.ts";
import { dropTags, everything, tagsOf } from "./tags.ts";
import { remove, store } from "./write.ts";

/** A cache of values of type `T`. `null`, `0`, `""`, `false` and `undefined` are values. */
export interface Cache<T> {
  /**
   * The value of a key, loaded and kept if there is none. All callers of all processes share one load; a load that was overtaken by
   * `delete`, `set` or `invalidateTags` is not kept. While Redis cannot be reached the value is loaded and not kept.
   * @throws What `load` throws.
   * @throws {LoadTimeoutError} The loader took longer than `hardTimeout`.
   * @throws {LoadFailedError} This call waited for the load of another process, which failed.
   */
  getOrSet(id: string, load: Load<T>, options?: GetOrSetOptions): Promise<T>;
  /** As `getOrSet`, and tells where the value came from and whether something went wrong on the way. */
  resolve(id: string, load: Load<T>, options?: GetOrSetOptions): Promise<Resolved<T>>;
  /** The value of a key, or `undefined` if there is none or Redis cannot be reached. */
  get(id: string, options?: GetOptions): Promise<T | undefined>;
  /** The value of a key in a box, which tells an `undefined` that was kept from a miss, which is `null`. */
  peek(id: string, options?: GetOptions): Promise<{ readonly value: T } | null>;
  /** The values of several keys in one round trip, in their order. */
  getMany(ids: readonly string[], options?: GetOptions): Promise<(T | undefined)[]>;
  /**
   * Keeps a value. A load that runs meanwhile is not kept.
   * @throws {ConnectionError} Redis was not reached.
   * @throws {ValueTooLargeError} The value is larger than `maxBytes`.
   */
  set(id: string, value: T, options?: SetOptions): Promise<void>;
  /** Keeps several values in one round trip. It is not atomic over the keys. */
  setMany(entries: Iterable<readonly [id: string, value: T]>, options?: SetOptions): Promise<void>;
  /**
   * Deletes a key. A load that runs meanwhile is not kept.
   * @returns Whether there was a value.
   * @throws {ConnectionError} Redis was not reached: the value may still be there.
   */
  delete(id: string, options?: CallOptions): Promise<boolean>;
  /** Deletes several keys in one round trip. @returns How many had a value. */
  deleteMany(ids: readonly string[], options?: CallOptions): Promise<number>;
  /**
   * Makes every entry that has one of the tags a miss, in one command whatever their number. Loads that run meanwhile are not kept.
   * @returns How many of the tags were in use.
   * @throws {ConnectionError} Redis was not reached: the entries may still be served.
   */
  invalidateTags(tags: readonly string[], options?: CallOptions): Promise<number>;
  /**
   * Makes every entry a miss, in one command. Only for caches that are `clearable`.
   * @throws {OptionError} The cache is not.
   */
  clear(options?: CallOptions): Promise<void>;
}

/**
 * Creates a cache.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const user = await cache.getOrSet("42", ({ signal }) => db.user(42, signal), { tags: ["team:7"] });
 * await cache.delete("42");
 * await cache.invalidateTags(["team:7"]);
 */
export function createCache<T = unknown>(redis: Redis, options: CacheOptions<T>): Cache<T> {
  const x = createContext<T>(checkPort(redis, options), options);
  const ask = createResolve(x);
  const drop = (tags: readonly string[], signal: AbortSignal | undefined) =>
    trip(x, signal, (options) => dropTags(x, tags, options));
  const cache: Cache<T> = {
    resolve: (id, load, options) => quick(x, { id, load, options }, hit, (down) => ask(id, load, options, down)),
    getOrSet: (id, load, options) =>
      quick(x, { id, load, options }, itself, async (down) => (await ask(id, load, options, down)).value),
    get: async (id, options) => (await getMany(x, [id], options))[0]?.value,
    async peek(id, options) {
      const [kept] = await getMany(x, [id], options);
      return kept ? { value: kept.value } : null;
    },
    getMany: async (ids, options) => (await getMany(x, ids, options)).map((found) => found?.value),
    set: (id, value, options) => store(x, [[id, value]], options),
    setMany: async (entries, options) => store(x, [...entries], options),
    delete: async (id, { signal } = {}) => (await remove(x, [id], signal)) > 0,
    deleteMany: (ids, { signal } = {}) => remove(x, ids, signal),
    invalidateTags: async (tags, { signal } = {}) => drop(tagsOf({ standing: [], format: x.format }, tags), signal),
    async clear({ signal } = {}) {
      if (x.standing.length === 0) throw new OptionError("`clear` needs a cache that is `clearable: true`");
      await drop([everything], signal);
    },
  };
  return bindContext(cache, x);
}

function hit<T>(value: T): Resolved<T> {
  return { value, source: "hit", degraded: false };
}

function itself<T>(value: T): T {
  return value;
}
