import { byteLength, checkCount, checkFunction, checkText } from "../../../check.ts";
import { OptionError, type RedisPatternsError } from "../../../errors.ts";
import { failureOf, isOptionError, isReplyError } from "../../../failure.ts";
import { encodeId } from "../../../keys.ts";
import { batchingPort } from "../../../port/batch.ts";
import { encodeData } from "../../../data/json.ts";
import { checkRead, checkUpTo, contextOf, type FeedContext } from "../context.ts";
import { feedKeys } from "../format.ts";
import type { Feeds } from "../options.ts";
import { fanOutScript } from "../scripts/fan-out.lua.ts";

/** Options of `fanOut`. */
export interface FanOutOptions {
  /**
   * The name of the event, at most 256 characters, such as the id of the post. A feed takes an event once: runs with the same `eventId` may begin
   * anew, overlap or be repeated.
   */
  readonly eventId: string;
  /**
   * The most feeds of one trip, from 1 to 500. A trip carries at most 4 MB, so that there are fewer where the item is large.
   * @default 500
   */
  readonly batch?: number | undefined;
  /**
   * How many of the ids an earlier run has done: the `next` of its progress. They are passed over.
   * @default 0
   */
  readonly from?: number | undefined;
  /**
   * Called after each batch with what was done so far. The run waits for it: store `next`, and a run that is killed can go on from there.
   * What it throws ends the run.
   * @default none
   */
  readonly onProgress?: ((progress: FanOutProgress) => unknown) | undefined;
  /**
   * Ends the run between or in trips; the call then rejects with the signal's reason. The last batch may have been pushed. A source of ids that
   * waits has to hear the signal itself.
   */
  readonly signal?: AbortSignal | undefined;
}

/** How far a run has come. */
export interface FanOutProgress {
  /** How many of the ids are done, those before `from` included. It is the `from` of a run that goes on. */
  readonly next: number;
  /** The last id that is done, or `null` if none is. */
  readonly lastId: string | null;
  /** How many feeds of this run have the event: pushed by this run or an earlier one. */
  readonly delivered: number;
  /** How many feeds of this run refused the event. */
  readonly failed: number;
  /** Which feeds refused it, and why: the first 1,000 of this run. */
  readonly failures: readonly FanOutFailure[];
}

/** A feed that refused an event. */
export interface FanOutFailure {
  readonly id: string;
  /** Why: the id is no text, or the key is another program's (`WRONGTYPE`). */
  readonly error: RedisPatternsError;
}

/**
 * Pushes one item to many feeds, such as a post to the feeds of all followers. It goes in batches of one trip each, and stops for no feed
 * that refuses the item. It is not atomic: feeds get the item one after the other.
 * @param ids The ids of the feeds, in an order that a run which goes on meets again. They may come from a database, page by page.
 * @throws {OptionError} An option can never work, or the item is no plain JSON.
 * @throws {ConnectionError} Redis was not reached. Begin anew, or go on from the last progress: nothing is pushed twice.
 */
export async function fanOut<Item>(
  feeds: Feeds<Item>,
  ids: Iterable<string> | AsyncIterable<string>,
  item: Item,
  options: FanOutOptions,
): Promise<FanOutProgress> {
  const { redis, namespace, ttl, length, maxBytes } = contextOf(feeds);
  const { event, batch, from, onProgress, signal } = checkFanOut(options);
  signal?.throwIfAborted();
  const values = { event, item: encodeData(item, "item", maxBytes), length, ttl };
  let progress: FanOutProgress = { next: from, lastId: null, delivered: 0, failed: 0, failures: [] };
  for await (const group of batchesOf(checkIds(ids), from, { batch, item: values.item })) {
    signal?.throwIfAborted();
    const failures = await pushToAll({ redis, namespace }, group, values, signal);
    progress = {
      next: progress.next + group.length,
      lastId: group.at(-1) ?? null,
      delivered: progress.delivered + group.length - failures.length,
      failed: progress.failed + failures.length,
      failures: [...progress.failures, ...failures].slice(0, 1_000),
    };
    await onProgress?.(progress);
  }
  return progress;
}

function checkFanOut(options: FanOutOptions) {
  const remedy = '{ eventId: "post:7" }';
  if (options === undefined) throw new OptionError(`\`options\` must be an object, such as ${remedy}`);
  const { eventId, batch = 500, from = 0, onProgress, signal } = checkRead(options, remedy);
  if (onProgress !== undefined) checkFunction("onProgress", onProgress);
  if (checkText("eventId", eventId).length > 256) {
    throw new OptionError("`eventId` must have at most 256 characters; use a hash of it");
  }
  checkCount("from", from, 0);
  return { event: encodeId(eventId), batch: checkUpTo("batch", batch, 500), from, onProgress, signal };
}

/** A text is a list of its characters, too. */
function checkIds<T extends object>(ids: T): T {
  const isList = typeof ids === "object" && ids !== null && (Symbol.iterator in ids || Symbol.asyncIterator in ids);
  if (isList) return ids;
  throw new OptionError("`ids` must be a list of ids, or something to iterate over");
}

/** The most bytes of one trip. Services allow some 10 MB. */
const mostBytes = 4_000_000;

interface Batches {
  readonly batch: number;
  readonly item: string;
}

async function* batchesOf(ids: Iterable<string> | AsyncIterable<string>, from: number, { batch, item }: Batches) {
  const itemBytes = byteLength(item, 0) + 1_000;
  let place = 0;
  let bytes = 0;
  let group: string[] = [];
  for await (const id of ids) {
    place += 1;
    if (place <= from) continue;
    // The id is in each of four keys.
    const more = itemBytes + 4 * (typeof id === "string" ? byteLength(id, 0) : 0);
    if (group.length > 0 && bytes + more > mostBytes) {
      yield group;
      [group, bytes] = [[], 0];
    }
    group.push(id);
    bytes += more;
    if (group.length < batch) continue;
    yield group;
    [group, bytes] = [[], 0];
  }
  if (group.length > 0) yield group;
}

/** @returns The feeds that refused the item. */
async function pushToAll(
  { redis, namespace }: Pick<FeedContext, "redis" | "namespace">,
  ids: readonly string[],
  values: { readonly event: string; readonly item: string; readonly length: number; readonly ttl: number },
  signal: AbortSignal | undefined,
): Promise<FanOutFailure[]> {
  const port = batchingPort(redis, ids.length);
  const push = async (id: string): Promise<FanOutFailure[]> => {
    try {
      await fanOutScript(port, { ...feedKeys(namespace, id), ...values }, { signal, idempotent: true });
      return [];
    } catch (error) {
      if (isOwnFault(error)) return [{ id, error }];
      throw error;
    }
  };
  const outcomes = ids.map(push);
  // Whatever becomes of one, the others are on their way.
  await Promise.allSettled(outcomes);
  signal?.throwIfAborted();
  return (await Promise.all(outcomes)).flat();
}

/** Whether the feed itself is at fault, and neither Redis nor the user whom it knows us by. */
function isOwnFault(error: unknown): error is RedisPatternsError {
  if (isOptionError(error)) return true;
  return isReplyError(error) && failureOf(error) === "mistake" && !/^(NOAUTH|WRONGPASS|NOPERM)$/.test(error.code);
}
