import { checkMethods } from "../../../check.ts";
import { batchingPort } from "../../../port/batch.ts";
import { unchecked } from "../../../unchecked.ts";
import { type CacheContext, report } from "../context.ts";
import type { Decoded } from "../format/entry.ts";
import type { CacheCall } from "./call.ts";
import { claimEntries, unkeptReason } from "./claim.ts";
import { whileLeased } from "./lease.ts";
import { reportBeside, runLeased, runLoader, storeLoaded } from "./load.ts";
import { createWishes, type LoadContext } from "./wishes.ts";

/** Computes the values of several keys. A key that the map lacks has the value `undefined`. */
export type LoadMany<T> = (
  ids: readonly string[],
  context: LoadManyContext,
) => ReadonlyMap<string, T> | Promise<ReadonlyMap<string, T>>;

/** What a loader of several keys gets: as a loader of one, with the id of the key. */
export interface LoadManyContext extends Pick<LoadContext, "signal"> {
  /** Sets the time for which the value of one key is fresh, in milliseconds. */
  readonly setTtl: (id: string, ttl: number) => void;
  /** Adds tags to the value of one key. Await it before you read what the tags stand for. */
  readonly setTags: (id: string, tags: readonly string[]) => Promise<void>;
}

/** One call for several keys. */
export interface ManyCall<T> extends Omit<CacheCall, "redis"> {
  readonly context: CacheContext<T>;
  readonly load: LoadMany<T>;
  readonly token: string;
}

/** Values by id, boxed, since `undefined` is one. */
export type ValuesById<T> = ReadonlyMap<string, Decoded<T>>;

/** The keys that this call loads. */
export interface Claimed {
  readonly ids: readonly string[];
  /** Those of them whose leases it holds: their values are kept. */
  readonly own: readonly string[];
  /** The nonces that the tags had before; none where Redis did not answer. */
  readonly nonces: ReadonlyMap<string, string> | undefined;
}

/** Keys that are loaded without Redis. */
export function unleased(ids: readonly string[]): Claimed {
  return { ids, own: [], nonces: undefined };
}

/** Claims keys in one trip. `early` is how long before its end a fresh one counts as due. */
export async function claimMany<T>(
  call: ManyCall<T>,
  ids: readonly string[],
  early: (id: string) => number,
): Promise<Claimed> {
  const { context, token } = call;
  if (context.breaker.open) return unleased(ids);
  const question = { token, refused: "", waited: "", early };
  const redis = batchingPort(context.redis, ids.length);
  const claims = await claimEntries(context, ids, { ...call, redis }, question, true);
  const own = ids.filter((_, i) => claims[i]?.state === "lease");
  const refused = ids.filter((_, i) => !claims[i]);
  // A value that could not be kept a moment ago is loaded in the same call, and nobody waits for it.
  const unkept = ids.filter((_, i) => claims[i]?.state === "unkept" && claims[i].raw === null);
  for (const id of unkept) reportBeside(context, id, unkeptReason);
  return { ids: [...own, ...refused, ...unkept], own, nonces: claims.find(Boolean)?.nonces };
}

/** Loads keys in one call of the loader, and keeps the values of those whose leases are held. */
export async function loadMany<T>(call: ManyCall<T>, { ids, own, nonces }: Claimed): Promise<ValuesById<T>> {
  const { context, token, signal, times } = call;
  const wishes = new Map(ids.map((id) => [id, createWishes(context, times)]));
  const load = async (signal: AbortSignal) => {
    const given = forMany(signal, (id) => wishes.get(id));
    const values = (await call.load(ids, given)) ?? null;
    checkMethods("load()", values, "a Map of values by id", "get", "has");
    return new Map(ids.map((id) => [id, { value: pick(values, id) }] as const));
  };
  if (ids.length === 0) return new Map();
  const start = performance.now();
  if (!nonces) {
    for (const id of ids) report(context, "miss", id);
    return context.throttle.run(signal ?? new AbortController().signal, () => runLoader(context, ids, signal, load));
  }
  const redis = batchingPort(context.redis, own.length);
  const leases = { redis, ids: own, token };
  return whileLeased(context, leases, async () => {
    const loaded = await runLeased(context, call, { leases, ids }, load);
    const loadTime = performance.now() - start;
    const stores = own.map((id) => {
      const wish = wishes.get(id) ?? createWishes(context, times);
      const { value } = pick(loaded, id);
      return storeLoaded(context, { ...call, redis }, { id, token, nonces, value, wishes: wish, loadTime }, []);
    });
    await Promise.all(stores);
    return loaded;
  });
}

/** What a loader of several keys gets, from what a loader of each key would get. An id that is not loaded here is ignored. */
export function forMany(
  signal: AbortSignal,
  contextOf: (id: string) => Pick<LoadContext, "setTtl" | "setTags"> | undefined,
): LoadManyContext {
  return {
    signal,
    setTtl: (id, ttl) => contextOf(id)?.setTtl(ttl),
    setTags: async (id, tags) => contextOf(id)?.setTags(tags),
  };
}

/** The value of a key in a map. If the map lacks it that is `undefined`, which `T` must then allow. */
export function pick<T>(values: ReadonlyMap<string, T>, id: string): T {
  return unchecked(values.get(id));
}
