import { checkDuration, checkFunction, checkList, checkOptions } from "../../../check.ts";
import type { Cache } from "../cache.ts";
import { type CacheContext, contextOf, report } from "../context.ts";
import { createToken } from "../format/lease.ts";
import { isServable, leaseTtl, sourceOf } from "../freshness.ts";
import { createBackground } from "../load/background.ts";
import { orStale } from "../load/get-or-set.ts";
import {
  claimMany,
  forMany,
  type LoadMany,
  loadMany,
  type ManyCall,
  pick,
  unleased,
  type ValuesById,
} from "../load/many.ts";
import type { LoadContext } from "../load/wishes.ts";
import type { GetOrSetOptions, SetOptions } from "../options.ts";
import { type ReadEntry, readMany } from "../read.ts";
import { clearTag, tagsOf } from "../tags.ts";

/** Options of `getOrSetMany`. */
export interface GetOrSetManyOptions extends SetOptions, Pick<GetOrSetOptions, "waitUntil"> {}

/**
 * Returns the values of several keys, in their order. Missing ones are loaded in one call of `load`, each under a lease of its own; keys
 * that other processes are loading are waited for. Stale ones are served, and loaded anew in the background by another single call. The
 * commands of all keys go out together: over HTTP as one request for the reads, one for the claims and one for the writes.
 * @throws What `load` throws, unless all missing values may be served stale.
 * @throws {LoadTimeoutError} The loader took longer than `hardTimeout`.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const users = await getOrSetMany(cache, ["1", "2"], async (ids) => {
 *   const rows: User[] = await db.users(ids);
 *   return new Map(rows.map((row) => [row.id, row]));
 * });
 */
export async function getOrSetMany<T>(
  cache: Cache<T>,
  ids: readonly string[],
  load: LoadMany<T>,
  options: GetOrSetManyOptions = {},
): Promise<(T | undefined)[]> {
  const context = contextOf(cache);
  const { signal, tags, ttl = context.times.ttl, waitUntil } = checkOptions(options, "{ ttl: minutes(5) }");
  checkFunction("load", load);
  const times = { ...context.times, ttl: checkDuration("ttl", ttl) };
  const unique = [...new Set(checkList("ids", ids))];
  const { add: background, handOver } = createBackground(context, unique[0] ?? "", waitUntil);
  const token = createToken(leaseTtl(context));
  const call = { context, cache, load, times, tags: tagsOf(context, tags), signal, background, token };
  const read = await readMany(context, unique, { signal, tags });
  const entries: EntriesById<T> = new Map(unique.map((id, i) => [id, read?.[i]]));
  const missing = reportServed(context, unique, entries);
  const due = unique.filter((id) => entries.get(id)?.stage === "revalidate");
  // A failure in the background is reported as an event.
  if (due.length > 0) background(refreshMany({ ...call, signal: undefined }, due, entries).catch(() => undefined));
  try {
    // Where Redis has not answered the read, a claim would wait for nothing.
    const fill = () => (read ? fillMissing(call, missing) : loadMany(call, unleased(missing)));
    const values = missing.length > 0 ? await withinSoftTimeout(call, missing, entries, fill) : entries;
    return ids.map((id) => (values.get(id) ?? entries.get(id))?.value);
  } finally {
    void handOver();
  }
}

/** Reports the entries that are served at once. Returns the ids of the others. */
function reportServed<T>(context: CacheContext<T>, ids: readonly string[], entries: EntriesById<T>): string[] {
  const missing: string[] = [];
  for (const id of ids) {
    const entry = entries.get(id);
    if (entry && isServable(entry)) report(context, sourceOf(entry), id);
    else missing.push(id);
  }
  return missing;
}

/** One call of `getOrSetMany`. */
interface GetOrSetManyCall<T> extends ManyCall<T> {
  readonly cache: Cache<T>;
}

/** The entries that were read, by id. */
type EntriesById<T> = ReadonlyMap<string, ReadEntry<T> | undefined>;

/** Loads missing values; if that fails or takes too long and each of them has a stale value, these are served. */
async function withinSoftTimeout<T>(
  call: GetOrSetManyCall<T>,
  missing: readonly string[],
  entries: EntriesById<T>,
  fill: () => Promise<ValuesById<T>>,
): Promise<ValuesById<T>> {
  const { context } = call;
  const older = () => (missing.every((id) => entries.get(id)?.stage === "fallback") ? entries : undefined);
  const values: ValuesById<T> = await orStale(context.softTimeout, call, fill(), older);
  if (values === entries) for (const id of missing) report(context, "stale", id);
  return values;
}

/** Claims keys, loads those whose leases were granted, and waits for the others. */
async function fillMissing<T>(call: GetOrSetManyCall<T>, missing: readonly string[]): Promise<ValuesById<T>> {
  const { cache, load, tags, times, signal, background } = call;
  const claimed = await claimMany(call, missing, () => 0);
  // Keys that others load, or have loaded by now, go the way of a single key, beside our own.
  const owned = new Set(claimed.ids);
  const others = missing.filter((id) => !owned.has(id));
  const options = { signal, tags: tags.filter((tag) => tag !== clearTag), ttl: times.ttl, waitUntil: background };
  const getOne = (id: string) => {
    const given = (one: LoadContext) => forMany(one.signal, (asked) => (asked === id ? one : undefined));
    return cache.getOrSet(id, async (one) => pick(await load([id], given(one)), id), options);
  };
  const [loaded, awaited] = await Promise.all([
    loadMany(call, claimed),
    Promise.all(others.map(async (id) => [id, { value: await getOne(id) }] as const)),
  ]);
  return new Map([...loaded, ...awaited]);
}

/** Loads due entries anew, except those that others load. */
async function refreshMany<T>(
  call: GetOrSetManyCall<T>,
  due: readonly string[],
  entries: EntriesById<T>,
): Promise<void> {
  const { own, nonces } = await claimMany(call, due, (id) => entries.get(id)?.early ?? 0);
  if (nonces) await loadMany(call, { ids: own, own, nonces });
}
