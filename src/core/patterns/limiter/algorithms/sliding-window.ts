import { checkCount, checkDuration } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { shortId } from "../decide.ts";
import type { WindowOptions } from "./fixed-window.ts";
import { decideSlidingWindow } from "../scripts/sliding-window.lua.ts";

/** Options of the sliding window. */
export interface SlidingWindowOptions extends WindowOptions {
  /**
   * How many sub-buckets a window has. More are closer to exact; each takes at most 3 bytes.
   * @default 60
   */
  readonly buckets?: number;
}

/**
 * Lets at most `limit` units pass in any window of that length, wherever it begins. A sub-bucket is counted until its last unit is a
 * window old, so that it errs only by refusing: at least 98 % of the exact throughput with 60 sub-buckets.
 * @throws {OptionError} An option is out of its range.
 */
export function slidingWindow({ limit, window, buckets = 60, name = "default" }: SlidingWindowOptions): LimitAlgorithm {
  const length = checkDuration("window", window);
  if (limit > 0xff_ffff) throw new OptionError("`limit` of a sliding window must be at most 16777215; use gcra");
  return {
    kind: "sliding1",
    limit: checkCount("limit", limit),
    policy: { name, limit, window: length },
    script: decideSlidingWindow,
    numbers: [limit, length, length / checkCount("buckets", buckets)],
    requestId: shortId,
  };
}
