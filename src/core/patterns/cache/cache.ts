import { checkList, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { Redis } from "../../port/redis.ts";
import { bindContext, createContext, trip } from "./context.ts";
import type { Resolved } from "./flight.ts";
import type { Load } from "./load/call.ts";
import { fastPath } from "./load/fast-path.ts";
import { createResolve } from "./load/get-or-set.ts";
import type { CacheOptions, CallOptions, GetOptions, GetOrSetOptions, SetOptions } from "./options.ts";
import { getMany } from "./read.ts";
import { clearTag, dropTags, tagsOf } from "./tags.ts";
import { deleteMany, entriesOf, writeMany } from "./write.ts";
import { portFor } from "../../wait/ask-again.ts";

/** A cache of values of type `T`. `null`, `0`, `""`, `false` and `undefined` are values like any other. */
export interface Cache<T> {
  /**
   * Returns the value of a key; a missing one is loaded and kept. All callers of all processes share one load. A load that was overtaken
   * by `delete`, `set` or `invalidateTags` is not kept. While Redis cannot be reached, values are loaded and not kept.
   * @throws What `load` throws.
   * @throws {LoadTimeoutError} The loader took longer than `hardTimeout`.
   * @throws {LoadFailedError} This call waited for the load of another process, which failed.
   * @throws {OptionError} The id, the loader or an option can never work.
   */
  getOrSet(id: string, load: Load<T>, options?: GetOrSetOptions): Promise<T>;
  /**
   * Does the same as `getOrSet`, and also returns where the value came from and whether something went wrong on the way.
   * @throws The same errors as `getOrSet`.
   */
  resolve(id: string, load: Load<T>, options?: GetOrSetOptions): Promise<Resolved<T>>;
  /** Returns the value of a key, or `undefined` if there is none or Redis cannot be reached. */
  get(id: string, options?: GetOptions): Promise<T | undefined>;
  /** Returns the value of a key in a box, or `null` if there is none, so that a kept `undefined` differs from a miss. */
  peek(id: string, options?: GetOptions): Promise<{ readonly value: T } | null>;
  /** Returns the values of several keys, in their order, in one round trip. */
  getMany(ids: readonly string[], options?: GetOptions): Promise<(T | undefined)[]>;
  /**
   * Keeps a value. A load of the key that runs meanwhile is not kept.
   * @throws {ConnectionError} Redis was not reached.
   * @throws {ValueTooLargeError} The value is larger than `maxBytes`.
   */
  set(id: string, value: T, options?: SetOptions): Promise<void>;
  /**
   * Keeps several values in one round trip. Each key is written atomically, all together are not.
   * @throws The same errors as `set`.
   */
  setMany(entries: Iterable<readonly [id: string, value: T]>, options?: SetOptions): Promise<void>;
  /**
   * Deletes a key. A load of the key that runs meanwhile is not kept.
   * @returns `true` if there was a value.
   * @throws {ConnectionError} Redis was not reached: the value may still be there.
   */
  delete(id: string, options?: CallOptions): Promise<boolean>;
  /**
   * Deletes several keys in one round trip.
   * @returns The number of keys that had a value.
   * @throws {ConnectionError} Redis was not reached: the values may still be there.
   */
  deleteMany(ids: readonly string[], options?: CallOptions): Promise<number>;
  /**
   * Makes every entry that has one of the tags a miss, in one command however many entries there are. Loads with these tags that run
   * meanwhile are not kept.
   * @returns The number of tags that were in use.
   * @throws {ConnectionError} Redis was not reached: the entries may still be served.
   */
  invalidateTags(tags: readonly string[], options?: CallOptions): Promise<number>;
  /**
   * Makes every entry a miss, in one command. The cache must be `clearable`.
   * @throws {OptionError} The cache is not `clearable`.
   * @throws {ConnectionError} Redis was not reached: the entries may still be served.
   */
  clear(options?: CallOptions): Promise<void>;
}

/**
 * Creates a cache. It sends nothing before its first call.
 * @throws {OptionError} An option can never work.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const user = await cache.getOrSet("42", ({ signal }) => db.user(42, signal), { tags: ["team:7"] });
 * await cache.delete("42");
 * await cache.invalidateTags(["team:7"]);
 */
export function createCache<T = unknown>(redis: Redis, options: CacheOptions<T>): Cache<T> {
  const context = createContext<T>(portFor(redis, options), options);
  const resolve = createResolve(context);
  const invalidate = (tags: readonly string[], options: CallOptions | undefined) =>
    trip(context, checkOptions(options)?.signal, (options) => dropTags(context, tags, options));
  const cache: Cache<T> = {
    resolve: (id, load, options) =>
      fastPath(context, { id, load, options }, toHit, (down) => resolve(id, load, options, down)),
    getOrSet: (id, load, options) =>
      fastPath(
        context,
        { id, load, options },
        identity,
        async (down) => (await resolve(id, load, options, down)).value,
      ),
    get: async (id, options) => (await getMany(context, [id], options))[0]?.value,
    async peek(id, options) {
      const [entry] = await getMany(context, [id], options);
      return entry ? { value: entry.value } : null;
    },
    getMany: async (ids, options) => (await getMany(context, ids, options)).map((entry) => entry?.value),
    set: (id, value, options) => writeMany(context, [[id, value]], options),
    setMany: async (entries, options) => writeMany(context, entriesOf(entries), options),
    delete: async (id, options) => (await deleteMany(context, [id], options)) > 0,
    deleteMany: (ids, options) => deleteMany(context, ids, options),
    invalidateTags: async (tags, options) =>
      invalidate(tagsOf({ commonTags: [], format: context.format }, checkList("tags", tags)), options),
    async clear(options) {
      if (context.commonTags.length === 0) throw new OptionError("`clear` needs a cache that is `clearable: true`");
      await invalidate([clearTag], options);
    },
  };
  return bindContext(cache, context);
}

function toHit<T>(value: T): Resolved<T> {
  return { value, source: "hit", degraded: false };
}

function identity<T>(value: T): T {
  return value;
}
