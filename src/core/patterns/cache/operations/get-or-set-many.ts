import { checkDuration, checkFunction, checkList, checkMethods } from "../../../check.ts";
import { batchingPort } from "../../../port/batch.ts";
import { unchecked } from "../../../unchecked.ts";
import type { Cache } from "../cache.ts";
import { type Context, contextOf, tell } from "../context.ts";
import type { Decoded } from "../format/entry.ts";
import { isServed, sourceOf } from "../freshness.ts";
import { type CacheCall, settleAll } from "../load/call.ts";
import { claimEntries } from "../load/claim.ts";
import { orStale } from "../load/get-or-set.ts";
import { runLeased, runLoader, storeLoaded } from "../load/load.ts";
import type { GetOrSetOptions, SetOptions } from "../options.ts";
import { type Kept, readMany } from "../read.ts";
import { everything, tagsOf } from "../tags.ts";

/** Computes the values of several keys. A key that the map lacks has the value `undefined`. */
export type LoadMany<T> = (
  ids: readonly string[],
  context: { readonly signal: AbortSignal },
) => ReadonlyMap<string, T> | Promise<ReadonlyMap<string, T>>;

/** Options of `getOrSetMany`. */
export interface GetOrSetManyOptions extends SetOptions, Pick<GetOrSetOptions, "waitUntil"> {}

/**
 * The values of several keys, in their order. What is missing is loaded in one call of `load`, each key under a lease of its own; keys
 * that others are loading are waited for. What is stale is served and loaded anew in the background, in one call, too. The commands for
 * all keys go out together: over HTTP as one request for the reads, one for the claims and one for the writes.
 * @throws What `load` throws, unless what it should load may be served stale.
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
  const call: ManyCall<T> = {
    context,
    cache,
    load,
    times,
    tags: tagsOf(context, tags),
    signal,
    background,
    token: crypto.randomUUID(),
  };
  const kept: Held<T> = new Map(
    (await readMany(context, unique, { signal, tags })).map((one, i) => [unique[i] ?? "", one]),
  );
  const missing = unique.filter((id) => !isTold(context, id, kept.get(id)));
  const due = unique.filter((id) => kept.get(id)?.stage === "revalidate");
  // What goes wrong there is told as an event.
  if (due.length > 0) background(refreshMany({ ...call, signal: undefined }, due, kept).catch(() => undefined));
  try {
    const values = missing.length > 0 ? await withinSoftTimeout(call, missing, kept) : kept;
    return ids.map((id) => (values.get(id) ?? kept.get(id))?.value);
  } finally {
    if (works.length > 0) waitUntil?.(settleAll(works));
  }
}

/** Whether an entry is served at once; then it is told so. */
function isTold<T>(context: Context<T>, id: string, kept: Kept<T> | undefined): boolean {
  const served = kept !== undefined && isServed(kept);
  if (served) tell(context, sourceOf(kept), id);
  return served;
}

/** One call for several keys, on its way. */
interface ManyCall<T> extends Omit<CacheCall, "redis"> {
  readonly context: Context<T>;
  readonly cache: Cache<T>;
  readonly load: LoadMany<T>;
  readonly token: string;
}

/** Values by id, boxed, since `undefined` is one. */
type Values<T> = ReadonlyMap<string, Decoded<T>>;

/** What was read, by id. */
type Held<T> = ReadonlyMap<string, Kept<T> | undefined>;

/** What is loaded; or what is stale, if there is that of each key and the load fails or takes too long. */
async function withinSoftTimeout<T>(call: ManyCall<T>, missing: readonly string[], kept: Held<T>): Promise<Values<T>> {
  const { context } = call;
  const older = () => (missing.every((id) => kept.get(id)?.stage === "fallback") ? kept : undefined);
  const values: Values<T> = await orStale(context.softTimeout, call, fillMissing(call, missing), older);
  if (values === kept) for (const id of missing) tell(context, "stale", id);
  return values;
}

/** Claims the keys, loads those that are ours, and waits for the others. */
async function fillMissing<T>(call: ManyCall<T>, missing: readonly string[]): Promise<Values<T>> {
  const { cache, load, tags, times, signal } = call;
  const { own, nonces } = await claimMany(call, missing);
  // Those that others load, or have loaded by now, go the way of a single key, beside our own.
  const ours = new Set(own);
  const others = missing.filter((id) => !ours.has(id));
  const options = { signal, tags: tags.filter((tag) => tag !== everything), ttl: times.ttl };
  const one = (id: string) => cache.getOrSet(id, async (context) => pick(await load([id], context), id), options);
  const [loaded, heard] = await Promise.all([
    loadMany(call, own, nonces),
    Promise.all(others.map(async (id) => [id, { value: await one(id) }] as const)),
  ]);
  return new Map([...loaded, ...heard]);
}

/** Loads anew, in the background, what nobody else does. */
async function refreshMany<T>(call: ManyCall<T>, due: readonly string[], kept: Held<T>): Promise<void> {
  const { own, nonces } = await claimMany(call, due, kept);
  if (nonces) await loadMany(call, own, nonces);
}

/** Which keys are ours to load, and the tags as they were before; no tags at all where Redis did not answer. */
interface Own {
  readonly own: readonly string[];
  readonly nonces: ReadonlyMap<string, string> | undefined;
}

async function claimMany<T>(call: ManyCall<T>, ids: readonly string[], kept?: Held<T>): Promise<Own> {
  const { context, token } = call;
  if (context.breaker.open) return { own: ids, nonces: undefined };
  const question = { token, refused: "", waited: "", early: (id: string) => kept?.get(id)?.early ?? 0 };
  const redis = batchingPort(context.redis, ids.length);
  const claims = await claimEntries(context, ids, { ...call, redis }, question);
  const [first] = claims;
  if (!first) return { own: ids, nonces: undefined };
  return { own: ids.filter((_, i) => claims[i]?.state === "lease"), nonces: first.nonces };
}

/** The values of keys by id, boxed, from one call of the loader; under leases, if there are tags as they were before. */
async function loadMany<T>(
  call: ManyCall<T>,
  ids: readonly string[],
  nonces: Own["nonces"],
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
    for (const id of ids) tell(context, "miss", id);
    return context.throttle.run(signal ?? new AbortController().signal, () => runLoader(context, ids, signal, load));
  }
  const redis = batchingPort(context.redis, ids.length);
  const loaded = await runLeased(context, { redis, ids, token }, signal, load);
  const delta = performance.now() - start;
  const stores = loaded.map(([id, { value }]) =>
    storeLoaded(context, { ...call, redis }, { id, token, nonces, value, delta }, []),
  );
  await Promise.all(stores);
  return loaded;
}

/** What the map has under the key, which is `undefined` if it has nothing, and for that `T` must allow it. */
function pick<T>(values: ReadonlyMap<string, T>, id: string): T {
  return unchecked(values.get(id));
}
