import { checkCount, checkDuration } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { shortId } from "../decide.ts";
import type { WindowOptions } from "./fixed-window.ts";
import { decideSlidingWindow } from "../scripts/sliding-window.lua.ts";

/** The most sub-buckets: a decision may have to read all of them. */
const mostBuckets = 1_000;

/** Options of the sliding window. */
export interface SlidingWindowOptions extends WindowOptions {
  /**
   * The sub-buckets of a window, at most 1,000. More are closer to exact; each takes at most 3 bytes, or 6 above 254 units.
   * @default 60
   */
  readonly buckets?: number;
}

/**
 * Lets at most `limit` units pass in any window of that length, wherever it begins. A sub-bucket counts until its last unit is a window
 * old, so that an error is always a refusal: with 60 sub-buckets at least 96 % of the exact throughput passes.
 * @throws {OptionError} The limit is not a whole number from 1 to 16,777,215, the window is shorter than 1 ms or infinite, or the number of
 * buckets is not a whole number from 1 to 1,000.
 */
export function slidingWindow({ limit, window, buckets = 60, name = "default" }: SlidingWindowOptions): LimitAlgorithm {
  const length = checkDuration("window", window);
  if (limit > 0xff_ffff) throw new OptionError("`limit` of a sliding window must be at most 16777215; use gcra");
  if (buckets > mostBuckets) throw new OptionError("`buckets` must be at most 1000; use slidingLog to be exact");
  return {
    kind: "sliding2",
    limit: checkCount("limit", limit),
    policy: { name, limit, window: length },
    script: decideSlidingWindow,
    numbers: [limit, length, length / checkCount("buckets", buckets)],
    requestId: shortId,
  };
}
