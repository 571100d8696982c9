import { checkCount } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { encodeId } from "../../../keys.ts";
import type { Redis, SendOptions } from "../../../port/redis.ts";
import { integer, text, texts } from "../../../port/reply.ts";
import type { Cache } from "../cache.ts";
import { contextOf, type Shared, trip } from "../context.ts";
import { framed } from "../format/entry.ts";
import { perSlot } from "../../../port/multi-key.ts";

/** Options of `invalidatePrefix`. */
export interface InvalidatePrefixOptions {
  /** Ends the work; what was deleted stays deleted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How many keys one SCAN looks at, and one UNLINK deletes at most.
   * @default 500
   */
  readonly batch?: number | undefined;
  /** Told after each batch. */
  readonly onProgress?: ((progress: PrefixProgress) => void) | undefined;
}

/** How many keys a batch has, unless told otherwise. */
const most = 500;

/** How far an `invalidatePrefix` has come. */
export interface PrefixProgress {
  /** How many entries were deleted so far. */
  readonly deleted: number;
  /** How many batches were looked at so far. */
  readonly batches: number;
}

/**
 * Deletes every entry whose id begins with `start`, by SCAN and UNLINK in batches, on every master of a Cluster. It looks at all keys of
 * the database: a tag does the same in one command. Loads of these keys that run meanwhile are not kept; an entry that is written
 * meanwhile may stay.
 * @returns How many entries were deleted.
 * @throws {OptionError} The cache has a `format`, whose keys cannot be told from those of others.
 * @throws {ConnectionError} Redis was not reached; part may be done.
 */
export async function invalidatePrefix<T>(
  cache: Cache<T>,
  start: string,
  options: InvalidatePrefixOptions = {},
): Promise<number> {
  options.signal?.throwIfAborted();
  const x = contextOf(cache);
  checkCount("batch", options.batch ?? most);
  if (x.format !== framed) throw new OptionError("`cache` must have no `format`: its keys cannot be told from others'");
  const pattern = `${globless(`${x.prefix}:{${start === "" ? "" : encodeId(start)}`)}*`;
  const work = () => swept(x, pattern, options);
  return x.changing ? x.changing(undefined, work) : work();
}

async function swept(
  x: Shared,
  pattern: string,
  { signal, batch = most, onProgress }: InvalidatePrefixOptions,
): Promise<number> {
  const masters = (await x.redis.masters?.()) ?? [x.redis];
  let [deleted, batches] = [0, 0];
  for (const master of masters) {
    let cursor = "0";
    do {
      const found = await scan(x, master, ["SCAN", cursor, "MATCH", pattern, "COUNT", batch], signal);
      deleted += await unlink(x, master, found.keys, batch, signal);
      batches += 1;
      onProgress?.({ deleted, batches });
      cursor = found.cursor;
    } while (cursor !== "0");
  }
  return deleted;
}

async function scan(
  x: Shared,
  master: Redis,
  command: readonly [string, ...(string | number)[]],
  signal?: AbortSignal,
) {
  const reply = await trip(x, signal, (options) => master.send(command, options));
  const [cursor = null, keys = null] = Array.isArray(reply) ? reply : [];
  return { cursor: text(cursor), keys: texts(keys) };
}

/** Deletes the entries and leases among the keys. Tags stay: entries of other ids have them, too. */
async function unlink(x: Shared, master: Redis, keys: readonly string[], batch: number, signal?: AbortSignal) {
  const entries = keys.filter((key) => key.endsWith("}"));
  const leases = keys.filter((key) => key.endsWith("}:lease"));
  const remove = (options: SendOptions, all: readonly string[]) =>
    perSlot(master, all, async (keys) => [integer(await master.send(["UNLINK", ...keys], options))]);
  let deleted = 0;
  for (let i = 0; i < Math.max(entries.length, leases.length); i += batch) {
    const part = [entries, leases].map((keys) => keys.slice(i, i + batch));
    const [counts = []] = await trip(x, signal, (options) => Promise.all(part.map((keys) => remove(options, keys))));
    deleted += counts.reduce((sum, count) => sum + count, 0);
  }
  return deleted;
}

function globless(text: string): string {
  return text.replace(/[\\*?[\]^]/g, "\\$&");
}
