import { checkList } from "../../check.ts";
import type { Command } from "../../port/redis.ts";
import { integer } from "../../port/reply.ts";
import { readStrings } from "../../port/multi-key.ts";
import { type Context, giveUp, keysOf, type Shared, tell, trip } from "./context.ts";
import type { Entry } from "./format/entry.ts";
import { extraOf, isServed, judge, type Judgement, sourceOf } from "./freshness.ts";
import type { GetOptions } from "./options.ts";
import { areCurrent, type Nonces, readTags, tagKeys, tagsOf } from "./tags.ts";

/** What was read of one key, and what may be done with it. */
export interface Kept<T> extends Judgement {
  readonly value: T;
}

/** Reads several keys: what is there that may be served in some way. */
export async function readMany<T>(
  x: Context<T>,
  ids: readonly string[],
  { signal, tags }: GetOptions = {},
): Promise<(Kept<T> | undefined)[]> {
  signal?.throwIfAborted();
  for (const id of checkList("ids", ids)) keysOf(x, id);
  const wanted = tagsOf(x, tags);
  if (ids.length === 0) return [];
  if (!x.breaker.ready()) return ids.map(() => undefined);
  try {
    return (await find(x, ids, wanted, signal)).map(
      (found) => found.entry && { value: found.entry.value, ...judge(x.times, found.entry, found.left) },
    );
  } catch (error) {
    giveUp(x, { id: ids[0] ?? "", signal }, error);
    return ids.map(() => undefined);
  }
}

/** The values of several keys that may be served without a loader, boxed. */
export async function getMany<T>(
  x: Context<T>,
  ids: readonly string[],
  options?: GetOptions,
): Promise<(Kept<T> | undefined)[]> {
  const start = x.onEvent ? performance.now() : 0;
  const found = (await readMany(x, ids, options)).map((kept) => (kept && isServed(kept) ? kept : undefined));
  if (!x.onEvent) return found;
  const duration = performance.now() - start;
  for (const [i, kept] of found.entries()) tell(x, kept ? sourceOf(kept) : "miss", ids[i] ?? "", { duration });
  return found;
}

/** An entry that this cache can read and whose tags stand, and how long it is kept, in milliseconds. */
export interface FoundEntry<T> {
  readonly entry: Entry<T>;
  readonly left: number;
}

/** What is under a key: its head, empty if there is nothing, and the entry, if there is one. */
export type Found<T> = { readonly head: string } & (FoundEntry<T> | { readonly entry?: undefined });

/** No entry. */
export const nothing: Found<never> = { head: "" };

/** Reads several entries and the tags they should have, in one trip. Only tags that the caller did not name need another. */
export async function find<T>(
  x: Context<T>,
  ids: readonly string[],
  tags: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Found<T>[]> {
  const keys = ids.map((id) => keysOf(x, id).entry);
  const timed = x.times.earlyRefresh + extraOf(x.times) > 0;
  const { strings, others } = await trip(x, signal, (options) =>
    readStrings(x.redis, [...keys, ...tagKeys(x, tags)], timed ? keys.map(pttl) : [], options),
  );
  const nonces: Nonces = new Map(tags.map((tag, i) => [tag, strings[ids.length + i] ?? null]));
  const lefts = others.map(integer);
  return Promise.all(
    ids.map((id, i) => open(x, { id, raw: strings[i] ?? null, left: lefts[i], tags, nonces, signal })),
  );
}

function pttl(key: string): Command {
  return ["PTTL", key];
}

/** What one trip told about one key. */
export interface Seen {
  readonly id: string;
  readonly raw: string | null;
  readonly left: number | undefined;
  /** The tags that the entry should have. */
  readonly tags: readonly string[];
  readonly nonces: Nonces;
  readonly signal: AbortSignal | undefined;
}

/** Makes an entry of what was read, if it may be served. */
export async function open<T>(x: Context<T>, seen: Seen): Promise<Found<T>> {
  const { raw, tags } = seen;
  if (raw === null) return nothing;
  const refused = { head: x.format.headOf(raw) };
  const entry = x.format.read(raw);
  if (!entry || !tags.every((tag) => entry.tags.has(tag))) return refused;
  const { left, nonces } = await complete(x, seen, entry);
  if (!areCurrent(entry.tags, nonces)) return refused;
  const decoded = await x.decode(entry.payload);
  return decoded ? { ...refused, entry: { ...entry, ...decoded }, left } : refused;
}

/** Asks for what the first trip did not: the tags that only the entry knew of, and how much is left of an entry with stale time. */
async function complete(
  x: Shared,
  { id, left, nonces, signal }: Seen,
  { extra, tags }: Pick<Entry<never>, "extra" | "tags">,
): Promise<{ readonly left: number; readonly nonces: Nonces }> {
  const unknown = Array.from(tags.keys()).filter((tag) => !nonces.has(tag));
  if (unknown.length === 0 && (left !== undefined || extra === 0)) return { left: left ?? Infinity, nonces };
  return trip(x, signal, async (options) => {
    const [known, remaining] = await Promise.all([
      readTags(x, unknown, options),
      left ?? x.redis.send(pttl(keysOf(x, id).entry), options).then(integer),
    ]);
    return { left: remaining, nonces: new Map([...nonces, ...known]) };
  });
}
