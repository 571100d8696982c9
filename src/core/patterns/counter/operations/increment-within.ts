import { checkOptions } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { ChangeOptions } from "../../../request.ts";
import { checkWhole } from "../check-count.ts";
import { contextOf } from "../context.ts";
import { mostCount, readCount, refused } from "../format.ts";
import { incrementCounter } from "../increment.ts";
import type { Counters } from "../options.ts";

/** Options of `incrementWithin`. */
export interface IncrementWithinOptions extends ChangeOptions {
  /**
   * The floor, a whole number. A decrease that would end below it is refused.
   * @default -(2^53 - 1)
   */
  readonly min?: number | undefined;
  /**
   * The ceiling, a whole number. An increase that would end above it is refused.
   * @default 2^53 - 1
   */
  readonly max?: number | undefined;
}

/** What became of a change with bounds. */
export interface IncrementResult {
  /** `false` if the change was refused. Nothing was changed then, the time for which the counter is kept included. */
  readonly changed: boolean;
  /** The value of the counter: the new one, or the one that it keeps. */
  readonly value: number;
}

/**
 * Adds to a counter if it stays within bounds, such as a stock that never goes below 0. A change is made whole or not at all. A counter
 * that is out of its bounds already may come nearer to them.
 *
 * A refusal is an answer like any other: the same `requestId` gets it again.
 * @example
 * const stock = createCounters(redis, { prefix: "stock", ttl: "permanent" });
 * const { changed, value } = await incrementWithin(stock, "book:7", -1, { min: 0 });
 * if (!changed) console.log(`only ${value} left`);
 * @throws {OptionError} An argument can never work.
 * @throws {ReplyError} The key holds something else than a count (code `SHAPE`, `WRONGTYPE`).
 */
export async function incrementWithin(
  counters: Counters,
  id: string,
  by: number,
  options: IncrementWithinOptions,
): Promise<IncrementResult> {
  const context = contextOf(counters);
  const { min = -mostCount, max = mostCount, ...call } = checkOptions(options ?? null, "{ min: 0 }");
  if (checkWhole("min", min) > checkWhole("max", max)) throw new OptionError("`min` must be at most `max`");
  const answer = await incrementCounter(context, id, { operation: "within", by, min, max }, call);
  const changed = !answer.startsWith(refused);
  return { changed, value: readCount(changed ? answer : answer.slice(refused.length), id) };
}
