import { checkDuration, checkFunction, checkList, checkMethods } from "../../../check.ts";
import { batchingPort } from "../../../port/batch.ts";
import { unchecked } from "../../../unchecked.ts";
import type { Cache } from "../cache.ts";
import { type CacheContext, contextOf, report } from "../context.ts";
import type { Decoded } from "../format/entry.ts";
import { isServable, sourceOf } from "../freshness.ts";
import { type CacheCall, settleAll } from "../load/call.ts";
import { claimEntries } from "../load/claim.ts";
import { orStale } from "../load/get-or-set.ts";
import { runLeased, runLoader, storeLoaded } from "../load/load.ts";
import type { GetOrSetOptions, SetOptions } from "../options.ts";
import { type ReadEntry, readMany } from "../read.ts";
import { clearTag, tagsOf } from "../tags.ts";

/** Computes the values of several keys. A key that the map lacks has the value `undefined`. */
export type LoadMany<T> = (
  ids: readonly string[],
  context: { readonly signal: AbortSignal },
) => ReadonlyMap<string, T> | Promise<ReadonlyMap<string, T>>;

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
  { signal, tags, ttl, waitUntil }: GetOrSetManyOptions = {},
): Promise<(T | undefined)[]> {
  const context = contextOf(cache);
  checkFunction("load", load);
  const times = { ...context.times, ttl: checkDuration("ttl", ttl ?? context.times.ttl) };
  const unique = [...new Set(checkList("ids", ids))];
  const works: Promise<unknown>[] = [];
  const background = (work: Promise<unknown>) => void works.push(work);
  const token = crypto.randomUUID();
  const call = { context, cache, load, times, tags: tagsOf(context, tags), signal, background, token };
  const read = await readMany(context, unique, { signal, tags });
  const entries: EntriesById<T> = new Map(read.map((entry, i) => [unique[i] ?? "", entry]));
  const missing = reportServed(context, unique, entries);
  const due = unique.filter((id) => entries.get(id)?.stage === "revalidate");
  // A failure in the background is reported as an event.
  if (due.length > 0) background(refreshMany({ ...call, signal: undefined }, due, entries).catch(() => undefined));
  try {
    const values = missing.length > 0 ? await withinSoftTimeout(call, missing, entries) : entries;
    return ids.map((id) => (values.get(id) ?? entries.get(id))?.value);
  } finally {
    if (works.length > 0) waitUntil?.(settleAll(works));
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

/** One call for several keys. */
interface ManyCall<T> extends Omit<CacheCall, "redis"> {
  readonly context: CacheContext<T>;
  readonly cache: Cache<T>;
  readonly load: LoadMany<T>;
  readonly token: string;
}

/** Values by id, boxed, since `undefined` is one. */
type ValuesById<T> = ReadonlyMap<string, Decoded<T>>;

/** The entries that were read, by id. */
type EntriesById<T> = ReadonlyMap<string, ReadEntry<T> | undefined>;

/** Loads missing values; if that fails or takes too long and each of them has a stale value, these are served. */
async function withinSoftTimeout<T>(
  call: ManyCall<T>,
  missing: readonly string[],
  entries: EntriesById<T>,
): Promise<ValuesById<T>> {
  const { context } = call;
  const older = () => (missing.every((id) => entries.get(id)?.stage === "fallback") ? entries : undefined);
  const values: ValuesById<T> = await orStale(context.softTimeout, call, fillMissing(call, missing), older);
  if (values === entries) for (const id of missing) report(context, "stale", id);
  return values;
}

/** Claims keys, loads those whose leases were granted, and waits for the others. */
async function fillMissing<T>(call: ManyCall<T>, missing: readonly string[]): Promise<ValuesById<T>> {
  const { cache, load, tags, times, signal } = call;
  const { own, nonces } = await claimMany(call, missing);
  // Keys that others load, or have loaded by now, go the way of a single key, beside our own.
  const owned = new Set(own);
  const others = missing.filter((id) => !owned.has(id));
  const options = { signal, tags: tags.filter((tag) => tag !== clearTag), ttl: times.ttl };
  const getOne = (id: string) => cache.getOrSet(id, async (given) => pick(await load([id], given), id), options);
  const [loaded, awaited] = await Promise.all([
    loadMany(call, own, nonces),
    Promise.all(others.map(async (id) => [id, { value: await getOne(id) }] as const)),
  ]);
  return new Map([...loaded, ...awaited]);
}

/** Loads due entries anew, except those that others load. */
async function refreshMany<T>(call: ManyCall<T>, due: readonly string[], entries: EntriesById<T>): Promise<void> {
  const { own, nonces } = await claimMany(call, due, entries);
  if (nonces) await loadMany(call, own, nonces);
}

/** The keys that this call loads, and the nonces that their tags had before; no nonces where Redis did not answer. */
interface Claimed {
  readonly own: readonly string[];
  readonly nonces: ReadonlyMap<string, string> | undefined;
}

async function claimMany<T>(call: ManyCall<T>, ids: readonly string[], entries?: EntriesById<T>): Promise<Claimed> {
  const { context, token } = call;
  if (context.breaker.open) return { own: ids, nonces: undefined };
  const question = { token, refused: "", waited: "", early: (id: string) => entries?.get(id)?.early ?? 0 };
  const redis = batchingPort(context.redis, ids.length);
  const claims = await claimEntries(context, ids, { ...call, redis }, question);
  const [first] = claims;
  if (!first) return { own: ids, nonces: undefined };
  return { own: ids.filter((_, i) => claims[i]?.state === "lease"), nonces: first.nonces };
}

/** Loads keys in one call of the loader: under leases and to be kept, or where there are no nonces, without. */
async function loadMany<T>(
  call: ManyCall<T>,
  ids: readonly string[],
  nonces: Claimed["nonces"],
): Promise<(readonly [string, { readonly value: T }])[]> {
  const { context, token, signal } = call;
  const load = async (signal: AbortSignal) => {
    const values = (await call.load(ids, { signal })) ?? null;
    checkMethods("load()", values, "a Map of values by id", "get", "has");
    return ids.map((id) => [id, { value: pick(values, id) }] as const);
  };
  if (ids.length === 0) return [];
  const start = performance.now();
  if (!nonces) {
    for (const id of ids) report(context, "miss", id);
    return context.throttle.run(signal ?? new AbortController().signal, () => runLoader(context, ids, signal, load));
  }
  const redis = batchingPort(context.redis, ids.length);
  const loaded = await runLeased(context, { redis, ids, token }, signal, load);
  const loadTime = performance.now() - start;
  const stores = loaded.map(([id, { value }]) =>
    storeLoaded(context, { ...call, redis }, { id, token, nonces, value, loadTime }, []),
  );
  await Promise.all(stores);
  return loaded;
}

/** The value of a key in a map. If the map lacks it that is `undefined`, which `T` must then allow. */
function pick<T>(values: ReadonlyMap<string, T>, id: string): T {
  return unchecked(values.get(id));
}
