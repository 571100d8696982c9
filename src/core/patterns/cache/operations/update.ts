import { checkFunction, checkOptions } from "../../../check.ts";
import { ConflictError } from "../../../errors.ts";
import { raceDeadline } from "../../../time/deadline.ts";
import { backoff } from "../../../wait/backoff.ts";
import { sleep } from "../../../wait/sleep.ts";
import type { Cache } from "../cache.ts";
import { type CacheContext, contextOf, keysOf, trip, wakeArg } from "../context.ts";
import { LoadTimeoutError } from "../errors.ts";
import { updatesKey } from "../format/keys.ts";
import { isNegative, isServable, judge, lifetimeOf, type Times, timesWith } from "../freshness.ts";
import type { SetOptions } from "../options.ts";
import { type Found, type FoundEntry, readEntries } from "../read.ts";
import { swapEntry, tokenLength } from "../scripts/swap.lua.ts";
import { prepareTags } from "../tags.ts";

/** Options of `updateEntry`. */
export interface UpdateEntryOptions extends Pick<SetOptions, "signal"> {
  /**
   * The time for which the changed value is fresh, in milliseconds.
   * @default what is left to the entry; the cache's `ttl` if there was none
   */
  readonly ttl?: number | undefined;
}

const attempts = 20;

/** The pauses of 20 attempts add up to about 300 ms, in which updates that began together have drawn apart. */
const pauses = { first: 2, factor: 1.2, most: 40 };

/**
 * Changes a kept value by compare and swap: of several updates at once none is lost. `fn` gets the kept value, or `undefined` if there is
 * none, and may run several times. The entry keeps its tags and ends when it would have ended. Only the cache is changed: a value that
 * has an origin must be written there.
 * @returns The value that is kept now.
 * @throws What `fn` throws, or what a hook threw that the kept value could not be read without. Nothing was changed.
 * @throws {LoadTimeoutError} `fn` took longer than `hardTimeout`.
 * @throws {ConflictError} Other callers changed the value before each of 20 attempts.
 * @throws {ConnectionError} Redis was not reached.
 * @throws {OptionError} An option can never work, or the value is not one that JSON or the codec carries.
 * @throws {ValueTooLargeError} The value is larger than `maxBytes`.
 */
export async function updateEntry<T>(
  cache: Cache<T>,
  id: string,
  fn: (value: T | undefined) => T | Promise<T>,
  options?: UpdateEntryOptions,
): Promise<T> {
  const context = contextOf(cache);
  const { signal, ttl } = checkOptions(options, "{ ttl: seconds(10) }") ?? {};
  const given = ttl === undefined ? undefined : timesWith(context.times, ttl);
  const update = { id, fn: checkFunction("fn", fn), signal, given };
  const work = () => updateWithRetries(context, update);
  return context.onChange ? context.onChange([id], work) : work();
}

/** One call of `updateEntry`. */
interface Update<T> {
  readonly id: string;
  readonly fn: (value: T | undefined) => T | Promise<T>;
  readonly signal: AbortSignal | undefined;
  /** The times that the call asks for; without them the entry keeps its own. */
  readonly given: Times | undefined;
}

async function updateWithRetries<T>(context: CacheContext<T>, update: Update<T>): Promise<T> {
  const { id, fn, signal } = update;
  const late = (timeout: number) => new LoadTimeoutError(timeout);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    signal?.throwIfAborted();
    const [found] = await readEntries(context, [id], context.commonTags, signal);
    // What could not be read is no absent value: the change would lose it.
    if (found?.failure !== undefined) throw found.failure;
    const served = servable(context, found);
    const value = await raceDeadline(context.hardTimeout, signal, async () => fn(served?.entry.value), { late });
    if (await trySwap(context, update, { found, served, value })) return value;
    await sleep(backoff(attempt, pauses), signal);
  }
  throw new ConflictError(
    "Others changed the value faster than this update; try again, or spread the load over more keys",
  );
}

function servable<T>(context: CacheContext<T>, found: Found<T> | undefined): FoundEntry<T> | undefined {
  return found?.entry && isServable(judge(context.times, found.entry, found.left)) ? found : undefined;
}

/** What was read, the part of it that `fn` got, and what `fn` made of it. */
interface Change<T> {
  readonly found: Found<T> | undefined;
  readonly served: FoundEntry<T> | undefined;
  readonly value: T;
}

/** Writes the value if the entry still is the one that was found. */
async function trySwap<T>(
  context: CacheContext<T>,
  { id, signal, given }: Update<T>,
  { found, served, value }: Change<T>,
): Promise<boolean> {
  const times = given ?? context.times;
  // `negativeTtl` is the time of each `null`, whenever it came to be.
  const keeps = served && !given && !isNegative(times, value) ? served.entry : undefined;
  const { ttl, staleTime } = lifetimeOf(times, value);
  const payload = await context.encode(id, value, signal);
  // Tags must outlive the entry, and have the nonces that they had when it was read.
  const names = found?.entry ? Array.from(found.entry.tags.keys()) : context.commonTags;
  const prepare = () => trip(context, signal, (options) => prepareTags(context, names, times, options));
  const prepared = keeps ? undefined : await prepare();
  const tags = found?.entry?.tags ?? prepared ?? new Map();
  const head = { staleTime: keeps?.staleTime ?? staleTime, loadTime: keeps?.loadTime ?? 0, tags };
  const keys = keysOf(context, id);
  const values = {
    ...keys,
    updates: updatesKey(keys),
    head: found?.head ?? "",
    mark: context.format.mark,
    changed: context.format.write(payload, head),
    token: crypto.randomUUID().slice(0, tokenLength),
    ttl,
    keep: keeps ? 1 : 0,
    wake: wakeArg(context),
  };
  return trip(context, signal, (options) => swapEntry(context.redis, values, options));
}
