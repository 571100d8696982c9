import { checkCount, checkDuration } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { shortId } from "../decide.ts";
import type { WindowOptions } from "./fixed-window.ts";
import { decideSlidingLog } from "../scripts/sliding-log.lua.ts";

/** The largest log: 600 kB, which every decision copies. */
const longest = 100_000;

/**
 * Remembers the time of every unit, to the millisecond: exact in any window, at 6 bytes for each of up to `limit` units, and of those that
 * are booked ahead.
 * @throws {OptionError} The limit is not a whole number from 1 to 100,000, or the window is shorter than 1 ms or infinite.
 */
export function slidingLog({ limit, window, name = "default" }: WindowOptions): LimitAlgorithm {
  const length = checkDuration("window", window);
  if (limit > longest) throw new OptionError("`limit` of a log must be at most 100000; use slidingWindow");
  return {
    kind: "log2",
    limit: checkCount("limit", limit),
    policy: { name, limit, window: length },
    script: decideSlidingLog,
    numbers: [limit, length, 0],
    requestId: shortId,
  };
}
