import { checkFunction, checkDuration, checkMethods, checkList } from "../../../check.ts";
import { withDeadline } from "../../../time/deadline.ts";
import { unchecked } from "../../../unchecked.ts";
import type { Cache } from "../cache.ts";
import { claim } from "../scripts/claim.lua.ts";
import { type Context, contextOf, giveUp, keysOf, leaseTtl, tell, trip } from "../context.ts";
import type { Decoded } from "../format/entry.ts";
import type { GetOrSetOptions, SetOptions } from "../options.ts";
import { type Kept, readMany } from "../read.ts";
import { LoadTimeoutError } from "../errors.ts";
import { isServed, physicalTtl, sourceOf, type Times } from "../freshness.ts";
import { batchingPort } from "../../../port/batch.ts";
import { failureMark, release, write } from "../load/load.ts";
import { orOlder } from "../load/get-or-set.ts";
import { everything, prepareTags, tagsOf } from "../tags.ts";

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
  const x = contextOf(cache);
  checkFunction("load", load);
  const times = { ...x.times, ttl: checkDuration("ttl", ttl ?? x.times.ttl) };
  const unique = [...new Set(checkList("ids", ids))];
  const batch = { x, cache, load, times, tags: tagsOf(x, tags), signal, token: crypto.randomUUID() };
  const kept: Held<T> = new Map((await readMany(x, unique, { signal, tags })).map((one, i) => [unique[i] ?? "", one]));
  const works: Promise<unknown>[] = [];
  const missing = unique.filter((id) => !isTold(x, id, kept.get(id)));
  const due = unique.filter((id) => kept.get(id)?.stage === "revalidate");
  // What goes wrong there is told as an event.
  if (due.length > 0) works.push(refreshed({ ...batch, signal: undefined }, due, kept).catch(() => undefined));
  try {
    const values = missing.length > 0 ? await inTime(batch, missing, kept, works) : kept;
    return ids.map((id) => (values.get(id) ?? kept.get(id))?.value);
  } finally {
    if (works.length > 0) waitUntil?.(Promise.all(works));
  }
}

/** Whether an entry is served at once; then it is told so. */
function isTold<T>(x: Context<T>, id: string, kept: Kept<T> | undefined): boolean {
  const served = kept !== undefined && isServed(kept);
  if (served) tell(x, sourceOf(kept), id);
  return served;
}

/** One call, on its way. */
interface Batch<T> {
  readonly x: Context<T>;
  readonly cache: Cache<T>;
  readonly load: LoadMany<T>;
  readonly times: Times;
  readonly tags: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly token: string;
}

/** Values by id, boxed, since `undefined` is one. */
type Values<T> = ReadonlyMap<string, Decoded<T>>;

/** What was read, by id. */
type Held<T> = ReadonlyMap<string, Kept<T> | undefined>;

/** What is loaded; or what is stale, if there is that of each key and the load fails or takes too long. */
async function inTime<T>(batch: Batch<T>, missing: readonly string[], kept: Held<T>, works: Promise<unknown>[]) {
  const { x, signal } = batch;
  const later = (work: Promise<unknown>) => void works.push(work);
  const older = () => (missing.every((id) => kept.get(id)?.stage === "fallback") ? kept : undefined);
  const values: Values<T> = await orOlder(x.softTimeout, { signal, later }, filled(batch, missing), older);
  if (values === kept) for (const id of missing) tell(x, "stale", id);
  return values;
}

/** Claims the keys, loads those that are ours, and waits for the others. */
async function filled<T>(batch: Batch<T>, missing: readonly string[]): Promise<Values<T>> {
  const { cache, load, tags, times, signal } = batch;
  const claims = await claimAll(batch, missing);
  const own = missing.filter((id) => claims.mine.has(id));
  // Those that others load, or have loaded by now, go the way of a single key, beside our own.
  const others = missing.filter((id) => !claims.mine.has(id));
  const options = { signal, tags: tags.filter((tag) => tag !== everything), ttl: times.ttl };
  const one = (id: string) => cache.getOrSet(id, async (context) => pick(await load([id], context), id), options);
  const [loaded, heard] = await Promise.all([
    loadAll(batch, own, claims.nonces),
    Promise.all(others.map(async (id) => [id, { value: await one(id) }] as const)),
  ]);
  return new Map([...loaded, ...heard]);
}

/** Loads anew, in the background, what nobody else does. */
async function refreshed<T>(batch: Batch<T>, due: readonly string[], kept: Held<T>) {
  const { mine, nonces } = await claimAll(batch, due, kept);
  const own = due.filter((id) => mine.has(id));
  if (nonces) await loadAll(batch, own, nonces);
}

/** Which keys are ours to load, and the tags as they were before; no tags at all where Redis did not answer. */
interface Claims {
  readonly mine: ReadonlySet<string>;
  readonly nonces: ReadonlyMap<string, string> | undefined;
}

async function claimAll<T>(
  { x, times, tags, signal, token }: Batch<T>,
  ids: readonly string[],
  kept?: Held<T>,
): Promise<Claims> {
  const question = { token, leaseTtl: leaseTtl(x), mark: x.format.mark, refused: "", waited: "" };
  const redis = batchingPort(x.redis, ids.length);
  if (x.breaker.open) return { mine: new Set(ids), nonces: undefined };
  try {
    const [nonces, ...told] = await trip(x, signal, (options) =>
      Promise.all([
        prepareTags(x, tags, physicalTtl(times) + leaseTtl(x), options),
        ...ids.map((id) => claim(redis, { ...keysOf(x, id), ...question, early: kept?.get(id)?.early ?? 0 }, options)),
      ]),
    );
    return { mine: new Set(ids.filter((_, i) => told[i]?.state === "lease")), nonces };
  } catch (error) {
    giveUp(x, { id: ids[0] ?? "", signal }, error);
    return { mine: new Set(ids), nonces: undefined };
  }
}

async function loadAll<T>(
  batch: Batch<T>,
  ids: readonly string[],
  nonces: Claims["nonces"],
): Promise<(readonly [string, { readonly value: T }])[]> {
  if (ids.length === 0) return [];
  const { x, token } = batch;
  const start = performance.now();
  for (const id of ids) tell(x, "miss", id);
  try {
    const run = () => loaded(batch, ids);
    const values = await (nonces ? run() : x.throttle.run(batch.signal ?? new AbortController().signal, run));
    const found = ids.map((id) => [id, { value: pick(values, id) }] as const);
    const delta = performance.now() - start;
    const together = { ...batch, x: { ...x, redis: batchingPort(x.redis, found.length) } };
    if (nonces) await Promise.all(found.map(([id, { value }]) => keep(together, id, { nonces, value, delta })));
    return found;
  } catch (error) {
    if (nonces) await Promise.all(ids.map((id) => release(x, { id }, token, failureMark(batch.signal))));
    throw error;
  }
}

async function loaded<T>({ x, load, signal }: Batch<T>, ids: readonly string[]): Promise<ReadonlyMap<string, T>> {
  const start = performance.now();
  const late = (timeout: number) => new LoadTimeoutError(timeout);
  const tellAll = (type: string, error?: unknown) =>
    ids.forEach((id) => tell(x, type, id, { duration: performance.now() - start, error }));
  try {
    const values = await withDeadline(x.hardTimeout, signal, async (signal) => load(ids, { signal }), late);
    checkMethods("load()", values ?? null, "a Map of values by id", "get", "has");
    tellAll("load");
    return values;
  } catch (error) {
    tellAll("load-error", error);
    throw error;
  }
}

async function keep<T>(
  { x, times, token }: Batch<T>,
  id: string,
  value: { readonly nonces: ReadonlyMap<string, string>; readonly value: T; readonly delta: number },
): Promise<void> {
  try {
    await write(x, { id, times }, { token, ...value }, []);
  } catch (error) {
    tell(x, "error", id, { error });
    await release(x, { id }, token, 0);
  }
}

/** What the map has under the key, which is `undefined` if it has nothing, and for that `T` must allow it. */
function pick<T>(values: ReadonlyMap<string, T>, id: string): T {
  return unchecked(values.get(id));
}
