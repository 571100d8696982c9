import { checkDuration, checkList } from "../../check.ts";
import { type Context, keysOf, trip, wakes } from "./context.ts";
import { batchingPort } from "../../port/batch.ts";
import { lifetimeOf } from "./freshness.ts";
import type { SetOptions } from "./options.ts";
import { prepareTags, tagsOf } from "./tags.ts";
import { deleteEntry, setEntry } from "./scripts/write.lua.ts";

/** Keeps values. With tags it takes two trips: what the tags are must be known before. */
export async function store<T>(
  x: Context<T>,
  entries: readonly (readonly [id: string, value: T])[],
  { signal, tags, ttl }: SetOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  const times = ttl === undefined ? x.times : { ...x.times, ttl: checkDuration("ttl", ttl) };
  const wanted = tagsOf(x, tags);
  const payloads = await Promise.all(
    entries.map(async ([id, value]) => ({ ...keysOf(x, id), payload: await x.encode(id, value), value })),
  );
  const nonces = await trip(x, signal, (options) => prepareTags(x, wanted, times, options));
  const writes = payloads.map(({ entry, lease, payload, value }) => {
    const { ttl, extra } = lifetimeOf(times, value);
    return { entry, lease, ttl, wake: wakes(x), value: x.format.write(payload, { extra, delta: 0, tags: nonces }) };
  });
  const redis = batchingPort(x.redis, writes.length);
  await trip(x, signal, (options) => Promise.all(writes.map((write) => setEntry(redis, write, options))));
}

/** Deletes entries. Answers how many there were. */
export async function remove<T>(x: Context<T>, ids: readonly string[], signal?: AbortSignal): Promise<number> {
  signal?.throwIfAborted();
  const keys = checkList("ids", ids).map((id) => keysOf(x, id));
  const redis = batchingPort(x.redis, keys.length);
  const removed = await trip(x, signal, (options) =>
    Promise.all(keys.map((key) => deleteEntry(redis, { ...key, wake: wakes(x) }, options))),
  );
  return removed.filter(Boolean).length;
}
