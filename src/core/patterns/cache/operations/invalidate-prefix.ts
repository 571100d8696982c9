import { checkCount, checkFunction, checkOptions } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { decodeId, encodeId } from "../../../keys.ts";
import { perSlot } from "../../../port/multi-key.ts";
import type { Redis, SendOptions } from "../../../port/redis.ts";
import { integer, text, texts } from "../../../port/reply.ts";
import type { Cache } from "../cache.ts";
import { type CacheContext, contextOf, report, trip } from "../context.ts";
import { envelope } from "../format/entry.ts";
import { startOfKeys } from "../format/keys.ts";

/** Options of `invalidatePrefix`. */
export interface InvalidatePrefixOptions {
  /**
   * Ends the work between two batches; what was deleted stays deleted.
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * The number of keys that one SCAN looks at, and that one UNLINK deletes at most.
   * @default 500
   */
  readonly batch?: number | undefined;
  /**
   * Called after each batch. What it throws does not end the work; an `error` event tells it.
   * @default none
   */
  readonly onProgress?: ((progress: PrefixProgress) => void) | undefined;
}

const defaultBatch = 500;

/** The progress of an `invalidatePrefix`. */
export interface PrefixProgress {
  /** The number of entries that were deleted so far. */
  readonly deleted: number;
  /** The number of batches that were looked at so far. */
  readonly batches: number;
}

/**
 * Deletes every entry whose id begins with `start`, by SCAN and UNLINK in batches, on every master of a Cluster. It looks at all keys of
 * the database, while a tag does the same in one command. Loads of these keys that run meanwhile are not kept; an entry that is written
 * meanwhile may stay.
 * @returns The number of entries that were deleted.
 * @throws {OptionError} The cache has a `format`, whose keys cannot be told from those of others.
 * @throws {ConnectionError} Redis was not reached; some entries may be deleted.
 */
export async function invalidatePrefix<T>(
  cache: Cache<T>,
  start: string,
  options?: InvalidatePrefixOptions,
): Promise<number> {
  const context = contextOf(cache);
  const { signal, batch = defaultBatch, onProgress } = checkOptions(options, "{ batch: 100 }") ?? {};
  signal?.throwIfAborted();
  checkCount("batch", batch);
  if (onProgress !== undefined) checkFunction("onProgress", onProgress);
  if (context.format !== envelope) {
    throw new OptionError("`cache` must have no `format`: its keys cannot be told from others'");
  }
  encodeId(start || "any");
  const work = () => sweep(context, start, { signal, batch, onProgress });
  return context.onChange ? context.onChange(undefined, work) : work();
}

async function sweep(
  context: CacheContext,
  start: string,
  { signal, batch = defaultBatch, onProgress }: InvalidatePrefixOptions,
): Promise<number> {
  // The first half of a pair of surrogates is a part of a character in UTF-8: the ids that a search without it finds are looked at here.
  const whole = start.replace(/[\ud800-\udbff]$/, "");
  const pattern = `${escapeGlob(startOfKeys(context, whole && encodeId(whole)))}*`;
  const isMeant = (key: string) => decodeId(key.slice(startOfKeys(context, "").length)).startsWith(start);
  const masters = (await context.redis.masters?.()) ?? [context.redis];
  let [deleted, batches] = [0, 0];
  for (const master of masters) {
    let cursor = "0";
    do {
      const found = await scan(context, master, ["SCAN", cursor, "MATCH", pattern, "COUNT", batch], signal);
      deleted += await unlink(context, master, found.keys.filter(isMeant), batch, signal);
      batches += 1;
      tell(context, onProgress, { deleted, batches });
      cursor = found.cursor;
    } while (cursor !== "0");
  }
  return deleted;
}

/** A listener that throws does not end the work. */
function tell(
  context: CacheContext,
  onProgress: InvalidatePrefixOptions["onProgress"],
  progress: PrefixProgress,
): void {
  try {
    onProgress?.(progress);
  } catch (error) {
    report(context, "error", "", { error });
  }
}

async function scan(
  context: CacheContext,
  master: Redis,
  command: readonly [string, ...(string | number)[]],
  signal?: AbortSignal,
) {
  const reply = await trip(context, signal, (options) => master.send(command, options));
  const [cursor = null, keys = null] = Array.isArray(reply) ? reply : [];
  return { cursor: text(cursor), keys: texts(keys) };
}

/** Deletes the entries and leases among the keys. Tags stay: entries of other ids have them, too. */
async function unlink(
  context: CacheContext,
  master: Redis,
  keys: readonly string[],
  batch: number,
  signal?: AbortSignal,
) {
  const entries = keys.filter((key) => key.endsWith("}"));
  const leases = keys.filter((key) => key.endsWith("}:lease"));
  const unlinkKeys = (options: SendOptions, all: readonly string[]) =>
    perSlot(master, all, async (keys) => [integer(await master.send(["UNLINK", ...keys], options))]);
  let deleted = 0;
  for (let i = 0; i < Math.max(entries.length, leases.length); i += batch) {
    const keysOfBatch = [entries, leases].map((keys) => keys.slice(i, i + batch));
    const [counts = []] = await trip(context, signal, (options) =>
      Promise.all(keysOfBatch.map((keys) => unlinkKeys(options, keys))),
    );
    deleted += counts.reduce((sum, count) => sum + count, 0);
  }
  return deleted;
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^]/g, "\\$&");
}
