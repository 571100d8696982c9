import { checkFunction } from "../../../check.ts";
import { backoff } from "../../../wait/backoff.ts";
import { sleep } from "../../../wait/sleep.ts";
import type { Cache } from "../cache.ts";
import { type Context, contextOf, keysOf, trip, wakes } from "../context.ts";
import { ConflictError } from "../errors.ts";
import { isServed, judge, lifetimeOf } from "../freshness.ts";
import type { CallOptions } from "../options.ts";
import { find, type Found } from "../read.ts";
import { swapEntry } from "../scripts/swap.lua.ts";
import { prepareTags } from "../tags.ts";

const attempts = 20;

/** Together about 300 ms, in which updates that began at once have drawn apart. */
const pauses = { first: 2, factor: 1.2, most: 40 };

/**
 * Changes a kept value: of several updates at once none is lost. `fn` gets what is kept, or `undefined`, and may run several times. The
 * tags stay. It changes the cache alone: for what has an origin, write there.
 * @returns What is kept now.
 * @throws {ConflictError} Others changed it each time, 20 times in a row.
 * @throws {ConnectionError} Redis was not reached.
 */
export async function update<T>(
  cache: Cache<T>,
  id: string,
  fn: (value: T | undefined) => T | Promise<T>,
  { signal }: CallOptions = {},
): Promise<T> {
  const x = contextOf(cache);
  checkFunction("fn", fn);
  const work = () => updated(x, id, fn, signal);
  return x.changing ? x.changing([id], work) : work();
}

async function updated<T>(
  x: Context<T>,
  id: string,
  fn: (value: T | undefined) => T | Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    signal?.throwIfAborted();
    const [found] = await find(x, [id], x.standing, signal);
    const value = await fn(current(x, found));
    if (await swapped(x, id, found, value, signal)) return value;
    await sleep(backoff(attempt, pauses), signal);
  }
  throw new ConflictError();
}

function current<T>(x: Context<T>, found: Found<T> | undefined): T | undefined {
  if (!found?.entry) return undefined;
  return isServed(judge(x.times, found.entry, found.left)) ? found.entry.value : undefined;
}

async function swapped<T>(x: Context<T>, id: string, found: Found<T> | undefined, value: T, signal?: AbortSignal) {
  const { ttl, extra } = lifetimeOf(x.times, value);
  const tags = found?.entry?.tags ?? (await trip(x, signal, (options) => prepareTags(x, x.standing, x.times, options)));
  const raw = x.format.write(await x.encode(id, value), { extra, delta: 0, tags });
  const head = found?.head ?? "";
  const values = { ...keysOf(x, id), head, value: raw, ttl, wake: wakes(x) };
  return trip(x, signal, (options) => swapEntry(x.redis, values, options));
}
