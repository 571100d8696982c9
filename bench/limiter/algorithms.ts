import { days } from "../../src/core/time/duration.ts";
import { fixedWindow, gcra, slidingWindow, tokenBucket } from "../../src/core/patterns/limiter/index.ts";

/** So high that every call passes: a refusal is cheaper for some than for others. */
export const limit = 100_000;
export const window = days(1);

export const algorithms = {
  "fixed window": fixedWindow({ limit, window }),
  "sliding window": slidingWindow({ limit, window }),
  "token bucket": tokenBucket({ limit, window }),
  // A limit that leaves no whole number of milliseconds for a unit: the other path of the script.
  "GCRA, fractions of a millisecond": gcra({ limit: limit + 3, window }),
} as const;

export type AlgorithmName = keyof typeof algorithms;
export const algorithmNames = Object.keys(algorithms) as readonly AlgorithmName[];
