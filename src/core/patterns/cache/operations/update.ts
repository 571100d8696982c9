import { checkFunction } from "../../../check.ts";
import { backoff } from "../../../wait/backoff.ts";
import { sleep } from "../../../wait/sleep.ts";
import type { Cache } from "../cache.ts";
import { type CacheContext, contextOf, keysOf, trip, wakeArg } from "../context.ts";
import { ConflictError } from "../errors.ts";
import { isServable, judge, lifetimeOf } from "../freshness.ts";
import type { CallOptions } from "../options.ts";
import { type Found, readEntries } from "../read.ts";
import { swapEntry } from "../scripts/swap.lua.ts";
import { prepareTags } from "../tags.ts";

const attempts = 20;

/** The pauses of 20 attempts add up to about 300 ms, in which updates that began together have drawn apart. */
const pauses = { first: 2, factor: 1.2, most: 40 };

/**
 * Changes a kept value by compare and swap: of several updates at once none is lost. `fn` gets the kept value, or `undefined` if there is
 * none, and may run several times. The tags of the entry stay. Only the cache is changed: a value that has an origin must be written there.
 * @returns The value that is kept now.
 * @throws What `fn` throws.
 * @throws {ConflictError} Other callers changed the value before each of 20 attempts.
 * @throws {ConnectionError} Redis was not reached.
 * @throws {ValueTooLargeError} The value is larger than `maxBytes`.
 */
export async function updateEntry<T>(
  cache: Cache<T>,
  id: string,
  fn: (value: T | undefined) => T | Promise<T>,
  { signal }: CallOptions = {},
): Promise<T> {
  const context = contextOf(cache);
  checkFunction("fn", fn);
  const work = () => updateWithRetries(context, id, fn, signal);
  return context.onChange ? context.onChange([id], work) : work();
}

async function updateWithRetries<T>(
  context: CacheContext<T>,
  id: string,
  fn: (value: T | undefined) => T | Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    signal?.throwIfAborted();
    const [found] = await readEntries(context, [id], context.commonTags, signal);
    const value = await fn(servableValue(context, found));
    if (await trySwap(context, id, found, value, signal)) return value;
    await sleep(backoff(attempt, pauses), signal);
  }
  throw new ConflictError();
}

function servableValue<T>(context: CacheContext<T>, found: Found<T> | undefined): T | undefined {
  if (!found?.entry) return undefined;
  return isServable(judge(context.times, found.entry, found.left)) ? found.entry.value : undefined;
}

/** Writes the value if the entry still is the one that was found. */
async function trySwap<T>(
  context: CacheContext<T>,
  id: string,
  found: Found<T> | undefined,
  value: T,
  signal?: AbortSignal,
) {
  const { times, commonTags } = context;
  const { ttl, staleTime } = lifetimeOf(times, value);
  const prepare = () => trip(context, signal, (options) => prepareTags(context, commonTags, times, options));
  const tags = found?.entry?.tags ?? (await prepare());
  const changed = context.format.write(await context.encode(id, value), { staleTime, loadTime: 0, tags });
  const head = found?.head ?? "";
  const values = { ...keysOf(context, id), head, changed, ttl, wake: wakeArg(context) };
  return trip(context, signal, (options) => swapEntry(context.redis, values, options));
}
