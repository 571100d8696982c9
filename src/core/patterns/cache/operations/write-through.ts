import { checkFunction, checkOptions } from "../../../check.ts";
import type { Cache } from "../cache.ts";
import { contextOf, report } from "../context.ts";
import { StaleCacheError } from "../errors.ts";
import { timesWith } from "../freshness.ts";
import type { SetOptions } from "../options.ts";
import { tagsOf } from "../tags.ts";

/** Writes to the origin, and returns the value that the origin then holds. */
export type Writer<T> = () => T | Promise<T>;

/** The methods of a cache that these writes need. */
type WritableCache<T> = Pick<Cache<T>, "set" | "delete">;

/** With the methods that lead to the cache's inside. */
type WholeCache<T> = WritableCache<T> & Pick<Cache<T>, "clear" | "peek">;

/**
 * Writes to the origin, then to the cache. If the cache cannot be written that is an `error` event, and the key is deleted, so that no
 * old value stays; it is also deleted if the writer throws, since the origin may have changed. Two writers of one key at once may leave the value of either; where
 * writers race, use `writeAround`.
 * @throws What `writer` throws.
 * @throws {OptionError} An option can never work. The origin was not written.
 * @throws {StaleCacheError} The origin was written, and neither could the cache be written nor the key be deleted.
 */
export async function writeThrough<T>(
  cache: WholeCache<T>,
  id: string,
  writer: Writer<T>,
  options?: SetOptions,
): Promise<T> {
  const context = contextOf(cache);
  // After the origin was written it would be too late to refuse them.
  timesWith(context.times, checkOptions(options, "{ ttl: minutes(5) }")?.ttl);
  tagsOf(context, options?.tags);
  const value = await runWriter(cache, id, writer);
  try {
    await cache.set(id, value, options);
  } catch (error) {
    report(context, "error", id, { error });
    await deleteOrThrow(cache, id, value);
  }
  return value;
}

/**
 * Writes to the origin, then deletes the key, also if the writer throws.
 * @throws What `writer` throws.
 * @throws {StaleCacheError} The origin was written and the key could not be deleted.
 */
export async function writeAround<T, R>(cache: WritableCache<T>, id: string, writer: Writer<R>): Promise<R> {
  const value = await runWriter(cache, id, writer);
  await deleteOrThrow(cache, id, value);
  return value;
}

async function runWriter<T, R>(cache: WritableCache<T>, id: string, writer: Writer<R>): Promise<R> {
  checkFunction("writer", writer);
  try {
    return await writer();
  } catch (error) {
    // The failure of the writer is the one to throw.
    await cache.delete(id).catch(() => false);
    throw error;
  }
}

async function deleteOrThrow<T>(cache: WritableCache<T>, id: string, value: unknown): Promise<void> {
  try {
    await cache.delete(id);
  } catch (cause) {
    throw new StaleCacheError(value, { cause });
  }
}
