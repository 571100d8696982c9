import { checkList, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { batchingPort } from "../../port/batch.ts";
import { type CacheContext, keysOf, trip, wakeArg } from "./context.ts";
import { lifetimeOf, timesWith } from "./freshness.ts";
import type { CallOptions, SetOptions } from "./options.ts";
import { deleteEntry, setEntry } from "./scripts/write.lua.ts";
import { prepareTags, tagsOf } from "./tags.ts";

/** Writes entries. Tags cost one trip more: their nonces are read first, since each entry carries them. */
export async function writeMany<T>(
  context: CacheContext<T>,
  entries: readonly (readonly [id: string, value: T])[],
  options?: SetOptions,
): Promise<void> {
  const { signal, tags, ttl } = checkOptions(options, "{ ttl: minutes(5) }") ?? {};
  signal?.throwIfAborted();
  const times = timesWith(context.times, ttl);
  const allTags = tagsOf(context, tags);
  const encoded = await Promise.all(
    entries.map(async ([id, value]) => ({
      ...keysOf(context, id),
      payload: await context.encode(id, value, signal),
      value,
    })),
  );
  const nonces = await trip(context, signal, (options) => prepareTags(context, allTags, times, options));
  const writes = encoded.map(({ entry, lease, payload, value }) => {
    const lifetime = lifetimeOf(times, value);
    // What was set by hand took no load, so that nothing says how early it should be loaded anew.
    const raw = context.format.write(payload, { staleTime: lifetime.staleTime, loadTime: 0, tags: nonces });
    return { entry, lease, ttl: lifetime.ttl, wake: wakeArg(context), value: raw };
  });
  const redis = batchingPort(context.redis, writes.length);
  await trip(context, signal, (options) => Promise.all(writes.map((write) => setEntry(redis, write, options))));
}

/**
 * The entries of a `setMany`.
 * @throws {OptionError} They are no pairs of id and value.
 */
export function entriesOf<T>(entries: Iterable<readonly [id: string, value: T]>): (readonly [id: string, value: T])[] {
  const list = Object(entries) === entries && Symbol.iterator in entries ? [...entries] : undefined;
  if (list?.every(Array.isArray)) return list;
  throw new OptionError("`entries` must be a Map or a list of pairs [id, value]");
}

/** Deletes entries. Returns how many there were. */
export async function deleteMany<T>(
  context: CacheContext<T>,
  ids: readonly string[],
  options?: CallOptions,
): Promise<number> {
  const { signal } = checkOptions(options) ?? {};
  signal?.throwIfAborted();
  const keys = checkList("ids", ids).map((id) => keysOf(context, id));
  const redis = batchingPort(context.redis, keys.length);
  const removed = await trip(context, signal, (options) =>
    Promise.all(keys.map((key) => deleteEntry(redis, { ...key, wake: wakeArg(context) }, options))),
  );
  return removed.filter(Boolean).length;
}
