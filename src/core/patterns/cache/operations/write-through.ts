import { checkFunction } from "../../../check.ts";
import type { Cache } from "../cache.ts";
import type { SetOptions } from "../options.ts";
import { StaleCacheError } from "../errors.ts";

/** Writes to the origin. What it returns is what the origin now holds. */
export type Writer<T> = () => T | Promise<T>;

/** What these writes need of a cache. */
type Target<T> = Pick<Cache<T>, "set" | "delete">;

/**
 * Writes to the origin, then to the cache. If the cache cannot be written the key is deleted rather than left with the old value; so it
 * is if the writer throws, since the origin may have changed. Two writers of one key at once may leave the value of either; where they
 * race, use `writeAround`.
 * @throws What `writer` throws.
 * @throws {StaleCacheError} The origin was written, and neither could the cache be written nor the key be deleted.
 */
export async function writeThrough<T>(
  cache: Target<T>,
  id: string,
  writer: Writer<T>,
  options?: SetOptions,
): Promise<T> {
  const value = await written(cache, id, writer);
  try {
    await cache.set(id, value, options);
  } catch {
    await forget(cache, id, value);
  }
  return value;
}

/**
 * Writes to the origin, then deletes the key, also if the writer throws.
 * @throws What `writer` throws.
 * @throws {StaleCacheError} The origin was written and the key could not be deleted.
 */
export async function writeAround<T, R>(cache: Target<T>, id: string, writer: Writer<R>): Promise<R> {
  const value = await written(cache, id, writer);
  await forget(cache, id, value);
  return value;
}

async function written<T, R>(cache: Target<T>, id: string, writer: Writer<R>): Promise<R> {
  checkFunction("writer", writer);
  try {
    return await writer();
  } catch (error) {
    // The writer's failure is the one to tell; the cache tells its own as an event.
    await cache.delete(id).catch(() => false);
    throw error;
  }
}

async function forget<T>(cache: Target<T>, id: string, value: unknown): Promise<void> {
  try {
    await cache.delete(id);
  } catch (cause) {
    throw new StaleCacheError(value, { cause });
  }
}
