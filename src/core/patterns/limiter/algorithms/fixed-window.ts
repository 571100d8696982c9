import { checkCount, checkDuration } from "../../../check.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { shortId } from "../decide.ts";
import { decideFixedWindow } from "../scripts/fixed-window.lua.ts";

/** Options of a limit of so many units in a time. */
export interface WindowOptions {
  /** The units that pass in one window. */
  readonly limit: number;
  /** The window, in milliseconds. */
  readonly window: number;
  /**
   * The policy's name in header fields.
   * @default "default"
   */
  readonly name?: string;
}

/**
 * Counts in windows that begin with their first call. It is the easiest to explain; around the end of a window twice the limit can
 * pass.
 * @throws {OptionError} The limit is not a whole number above 0, or the window is shorter than 1 ms or infinite.
 */
export function fixedWindow({ limit, window, name = "default" }: WindowOptions): LimitAlgorithm {
  const length = checkDuration("window", window);
  return {
    kind: "fixed2",
    limit: checkCount("limit", limit),
    policy: { name, limit, window: length },
    script: decideFixedWindow,
    numbers: [limit, length, 0],
    requestId: shortId,
  };
}
