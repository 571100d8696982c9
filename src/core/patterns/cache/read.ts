import { checkList, checkOptions } from "../../check.ts";
import { leftAlone } from "../../outage/breaker.ts";
import { readStrings } from "../../port/multi-key.ts";
import type { Command } from "../../port/redis.ts";
import { integer } from "../../port/reply.ts";
import { type CacheContext, failOpen, keysOf, report, trip } from "./context.ts";
import type { Entry } from "./format/entry.ts";
import { isServable, judge, type Judgement, sourceOf, staleTimeOf } from "./freshness.ts";
import type { GetOptions } from "./options.ts";
import { areCurrent, type Nonces, readTags, tagKeys, tagsOf } from "./tags.ts";

/** A value that was read, and its stage. */
export interface ReadEntry<T> extends Judgement {
  readonly value: T;
}

/**
 * Reads entries, stale ones too that may be served only where a load fails. No hit or miss is reported. Returns `undefined` where Redis
 * did not answer, or is left alone.
 */
export async function readMany<T>(
  context: CacheContext<T>,
  ids: readonly string[],
  options?: GetOptions,
): Promise<(ReadEntry<T> | undefined)[] | undefined> {
  const { signal, tags } = checkOptions(options, "{ tags, signal }") ?? {};
  signal?.throwIfAborted();
  // An id that can never work is refused, also while Redis is left alone.
  for (const id of checkList("ids", ids)) keysOf(context, id);
  const allTags = tagsOf(context, tags);
  if (ids.length === 0) return [];
  if (!context.breaker.ready()) {
    if (context.failsOpen) return undefined;
    throw leftAlone();
  }
  try {
    return (await readEntries(context, ids, allTags, signal)).map(
      (found) => found.entry && { value: found.entry.value, ...judge(context.times, found.entry, found.left) },
    );
  } catch (error) {
    failOpen(context, { id: ids[0] ?? "", signal }, error);
    return undefined;
  }
}

/** As `readMany`, with only those entries that need no load. It reports a hit or a miss for each id. */
export async function getMany<T>(
  context: CacheContext<T>,
  ids: readonly string[],
  options?: GetOptions,
): Promise<(ReadEntry<T> | undefined)[]> {
  const start = context.onEvent ? performance.now() : 0;
  const read = await readMany(context, ids, options);
  const served = ids.map((_, i) => (read?.[i] && isServable(read[i]) ? read[i] : undefined));
  if (!context.onEvent) return served;
  const duration = performance.now() - start;
  for (const [i, entry] of served.entries()) {
    report(context, entry ? sourceOf(entry) : "miss", ids[i] ?? "", { duration });
  }
  return served;
}

/** An entry that this cache can read and whose tags are current. `left` is the rest of its TTL in Redis, in milliseconds; `Infinity` where nobody needs it. */
export interface FoundEntry<T> {
  readonly entry: Entry<T>;
  readonly left: number;
}

/**
 * The outcome of reading a key: the head of what is there, empty if nothing is, and the entry if it can be read and its tags are current;
 * or why it could not be read.
 */
export type Found<T> = { readonly head: string; readonly failure?: unknown } & (
  | FoundEntry<T>
  | { readonly entry?: undefined }
);

export const nothing: Found<never> = { head: "" };

/** Reads several entries and the tags they should have, in one trip. An entry with further tags costs one trip more. */
export async function readEntries<T>(
  context: CacheContext<T>,
  ids: readonly string[],
  tags: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Found<T>[]> {
  const keys = ids.map((id) => keysOf(context, id).entry);
  const needsTtl = context.times.earlyRefresh + staleTimeOf(context.times) > 0;
  const { strings, others } = await trip(context, signal, (options) =>
    readStrings(context.redis, [...keys, ...tagKeys(context, tags)], needsTtl ? keys.map(pttl) : [], options),
  );
  const nonces: Nonces = new Map(tags.map((tag, i) => [tag, strings[ids.length + i] ?? null]));
  const remaining = others.map(integer);
  return Promise.all(
    ids.map((id, i) => openEntry(context, { id, raw: strings[i] ?? null, left: remaining[i], tags, nonces, signal })),
  );
}

function pttl(key: string): Command {
  return ["PTTL", key];
}

/** What is needed to open an entry: the replies about its key, and the call that asked. */
export interface RawEntry {
  readonly id: string;
  readonly raw: string | null;
  readonly left: number | undefined;
  /** The tags that the entry should have. */
  readonly tags: readonly string[];
  readonly nonces: Nonces;
  readonly signal: AbortSignal | undefined;
}

/** Decodes what was read, and checks its tags. */
export async function openEntry<T>(context: CacheContext<T>, read: RawEntry): Promise<Found<T>> {
  const { raw, tags } = read;
  if (raw === null) return nothing;
  const headOnly = { head: context.format.headOf(raw) };
  const entry = context.format.read(raw);
  if (!entry || !tags.every((tag) => entry.tags.has(tag))) return headOnly;
  const { left, nonces } = await readMissing(context, read, entry);
  if (!areCurrent(entry.tags, nonces)) return headOnly;
  try {
    const decoded = await context.decode(entry.payload, read.signal);
    return decoded ? { ...headOnly, entry: { ...entry, ...decoded }, left } : headOnly;
  } catch (failure) {
    // One that cannot be read counts as a miss: it is loaded and written anew.
    read.signal?.throwIfAborted();
    report(context, "error", read.id, { error: failure });
    return { ...headOnly, failure };
  }
}

/** Reads what the first trip did not: the tags that only the entry names, and the rest of the TTL of an entry with stale time. */
async function readMissing(
  context: CacheContext,
  { id, left, nonces, signal }: RawEntry,
  { staleTime, tags }: Pick<Entry<never>, "staleTime" | "tags">,
): Promise<{ readonly left: number; readonly nonces: Nonces }> {
  const unknown = Array.from(tags.keys()).filter((tag) => !nonces.has(tag));
  if (unknown.length === 0 && (left !== undefined || staleTime === 0)) return { left: left ?? Infinity, nonces };
  return trip(context, signal, async (options) => {
    const [known, remaining] = await Promise.all([
      readTags(context, unknown, options),
      left ?? context.redis.send(pttl(keysOf(context, id).entry), options).then(integer),
    ]);
    return { left: remaining, nonces: new Map([...nonces, ...known]) };
  });
}
