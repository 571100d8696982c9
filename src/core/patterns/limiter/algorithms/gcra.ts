import { checkCount, checkDuration } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { shortId } from "../decide.ts";
import type { WindowOptions } from "./fixed-window.ts";
import { decideGcra } from "../scripts/gcra.lua.ts";

/** Options of GCRA. */
export interface GcraOptions extends WindowOptions {
  /**
   * The most units that can pass at once.
   * @default limit
   */
  readonly burst?: number;
}

/** Options of the token bucket. */
export interface TokenBucketOptions extends WindowOptions {
  /**
   * The tokens that a full bucket holds: the largest burst.
   * @default limit
   */
  readonly capacity?: number;
}

/**
 * The generic cell rate algorithm (ITU-T I.371): an even rate of `limit` per `window`, and bursts up to `burst`. In a time t at most
 * `burst + limit * t / window` units pass.
 * @throws {OptionError} The limit or the burst is not a whole number above 0, the window is shorter than 1 ms or infinite, or `burst`
 * times `window` is too large to count exactly.
 */
export function gcra({ limit, window, burst = limit, name = "default" }: GcraOptions): LimitAlgorithm {
  const length = checkDuration("window", window);
  const rate = checkCount("limit", limit);
  if (checkCount("burst", burst) * length + rate > Number.MAX_SAFE_INTEGER) {
    throw new OptionError("`burst` times `window` is too large to count exactly; make one of them smaller");
  }
  return {
    kind: "gcra2",
    limit: burst,
    policy: { name, limit: rate, window: length },
    script: decideGcra,
    numbers: [burst, length, rate],
    requestId: length % rate === 0 ? () => "" : shortId,
  };
}

/**
 * A bucket of `capacity` tokens into which `limit` tokens flow evenly per `window`: GCRA by its other name.
 * @throws {OptionError} As `gcra`, with `capacity` as the burst.
 */
export function tokenBucket({ capacity, ...options }: TokenBucketOptions): LimitAlgorithm {
  return gcra({ ...options, burst: capacity === undefined ? options.limit : checkCount("capacity", capacity) });
}
