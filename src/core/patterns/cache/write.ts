import { checkDuration, checkList } from "../../check.ts";
import { type Context, giveUp, keysOf, leaseTtl, tell, trip, wakes } from "./context.ts";
import { batchingPort } from "../../port/batch.ts";
import { isServed, judge, type Judgement, lifetimeOf, sourceOf } from "./freshness.ts";
import { physicalTtl } from "./load/load.ts";
import { find } from "./read.ts";
import { prepareTags, tagsOf } from "./tags.ts";
import { discard, put } from "./scripts/write.lua.ts";

/** What reads and writes of entries may be given. */
interface EntryOptions {
  readonly signal?: AbortSignal | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly ttl?: number | undefined;
}

/** What was read of one key, and what may be done with it. */
export interface Kept<T> extends Judgement {
  readonly value: T;
}

/** Reads several keys: what is there that may be served in some way. */
export async function readMany<T>(
  x: Context<T>,
  ids: readonly string[],
  { signal, tags }: EntryOptions = {},
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
  options?: EntryOptions,
): Promise<(Kept<T> | undefined)[]> {
  const start = x.onEvent ? performance.now() : 0;
  const found = (await readMany(x, ids, options)).map((kept) => (kept && isServed(kept) ? kept : undefined));
  if (!x.onEvent) return found;
  const duration = performance.now() - start;
  for (const [i, kept] of found.entries()) tell(x, kept ? sourceOf(kept) : "miss", ids[i] ?? "", { duration });
  return found;
}

/** Keeps values. With tags it takes two trips: what the tags are must be known before. */
export async function store<T>(
  x: Context<T>,
  entries: readonly (readonly [id: string, value: T])[],
  { signal, tags, ttl }: EntryOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  const times = ttl === undefined ? x.times : { ...x.times, ttl: checkDuration("ttl", ttl) };
  const wanted = tagsOf(x, tags);
  const payloads = await Promise.all(
    entries.map(async ([id, value]) => ({ ...keysOf(x, id), payload: await x.encode(id, value), value })),
  );
  const tagTtl = physicalTtl(times) + leaseTtl(x);
  const nonces = await trip(x, signal, (options) => prepareTags(x, wanted, tagTtl, options));
  const writes = payloads.map(({ entry, lease, payload, value }) => {
    const { ttl, extra } = lifetimeOf(times, value);
    return { entry, lease, ttl, wake: wakes(x), value: x.format.write(payload, { extra, delta: 0, tags: nonces }) };
  });
  const redis = batchingPort(x.redis, writes.length);
  await trip(x, signal, (options) => Promise.all(writes.map((write) => put(redis, write, options))));
}

/** Deletes entries. Answers how many there were. */
export async function remove<T>(x: Context<T>, ids: readonly string[], signal?: AbortSignal): Promise<number> {
  signal?.throwIfAborted();
  const keys = checkList("ids", ids).map((id) => keysOf(x, id));
  const redis = batchingPort(x.redis, keys.length);
  const removed = await trip(x, signal, (options) =>
    Promise.all(keys.map((key) => discard(redis, { ...key, wake: wakes(x) }, options))),
  );
  return removed.filter(Boolean).length;
}
