import { callable, duration } from "../check.ts";
import { withDeadline } from "../deadline.ts";
import type { Cache } from "./cache.ts";
import type { SetOptions } from "./call.ts";
import { claim } from "./claim.lua.ts";
import { type Context, contextOf, type Decoded, giveUp, keysOf, leaseTtl, tell, trip } from "./context.ts";
import { getMany } from "./entries.ts";
import { LoadTimeoutError } from "./errors.ts";
import type { Times } from "./freshness.ts";
import { gathered } from "./gather.ts";
import { failureMark, physicalTtl, release, write } from "./load.ts";
import { prepareTags, tagsOf } from "./tags.ts";
import { createToken } from "./token.ts";

/** Computes the values of several keys. A key that the map lacks has the value `undefined`. */
export type LoadMany<T> = (
  ids: readonly string[],
  context: { readonly signal: AbortSignal },
) => ReadonlyMap<string, T> | Promise<ReadonlyMap<string, T>>;

/**
 * The values of several keys, in their order. What is missing is loaded in one call of `load`, each key under a lease of its own; keys
 * that others are loading are waited for. The commands for all keys go out together: over HTTP as one request for the reads, one for the
 * claims and one for the writes.
 * @throws What `load` throws.
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
  { signal, tags, ttl }: SetOptions = {},
): Promise<(T | undefined)[]> {
  const x = contextOf(cache);
  callable("load", load);
  const times = { ...x.times, ttl: duration("ttl", ttl ?? x.times.ttl) };
  const wanted = tagsOf(x, tags);
  const unique = [...new Set(ids)];
  const kept = await getMany(x, unique, { signal, tags });
  const values = new Map<string, Decoded<T>>(unique.map((id, i) => [id, kept[i]]));
  const missing = unique.filter((id) => values.get(id) === undefined);
  if (missing.length > 0) {
    const batch = { x, load, times, tags: wanted, signal, token: createToken() };
    const claims = await claimAll(batch, missing);
    const own = missing.filter((id) => claims.mine.has(id));
    // Those that others load, or have loaded by now, go the way of a single key, beside our own.
    const others = missing.filter((id) => !claims.mine.has(id));
    const one = (id: string) =>
      cache.getOrSet(id, async (context) => pick(await load([id], context), id), { signal, tags, ttl });
    const [loaded, heard] = await Promise.all([
      loadAll(batch, own, claims.nonces),
      Promise.all(others.map(async (id) => [id, { value: await one(id) }] as const)),
    ]);
    for (const [id, found] of [...loaded, ...heard]) values.set(id, found);
  }
  return ids.map((id) => values.get(id)?.value);
}

/** One call, on its way. */
interface Batch<T> {
  readonly x: Context<T>;
  readonly load: LoadMany<T>;
  readonly times: Times;
  readonly tags: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly token: string;
}

/** Which keys are ours to load, and the tags as they were before; no tags at all where Redis did not answer. */
interface Claims {
  readonly mine: ReadonlySet<string>;
  readonly nonces: ReadonlyMap<string, string> | undefined;
}

async function claimAll<T>({ x, times, tags, signal, token }: Batch<T>, ids: readonly string[]): Promise<Claims> {
  const question = { token, leaseTtl: leaseTtl(x), early: 0, mark: x.format.mark, refused: "", waited: "" };
  const redis = gathered(x.redis, ids.length);
  if (x.breaker.open) return { mine: new Set(ids), nonces: undefined };
  try {
    const [nonces, ...told] = await trip(x, signal, (options) =>
      Promise.all([
        prepareTags(x, tags, physicalTtl(times) + leaseTtl(x), options),
        ...ids.map((id) => claim(redis, { ...keysOf(x, id), ...question }, options)),
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
  try {
    const run = () => loaded(batch, ids);
    const values = await (nonces ? run() : x.throttle.run(batch.signal ?? new AbortController().signal, run));
    const found = ids.map((id) => [id, { value: pick(values, id) }] as const);
    const delta = performance.now() - start;
    const together = { ...batch, x: { ...x, redis: gathered(x.redis, found.length) } };
    if (nonces) await Promise.all(found.map(([id, { value }]) => keep(together, id, { nonces, value, delta })));
    return found;
  } catch (error) {
    if (nonces) await Promise.all(ids.map((id) => release(x, { id }, token, failureMark)));
    throw error;
  }
}

async function loaded<T>({ x, load, signal }: Batch<T>, ids: readonly string[]): Promise<ReadonlyMap<string, T>> {
  const start = performance.now();
  const late = (timeout: number) => new LoadTimeoutError(timeout);
  const values = await withDeadline(x.hardTimeout, signal, async (signal) => load(ids, { signal }), late);
  for (const id of ids) tell(x, "load", id, { duration: performance.now() - start });
  return values;
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
  return Reflect.apply(Map.prototype.get, values, [id]);
}
