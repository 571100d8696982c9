import { days } from "../../src/core/time/duration.ts";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/index.ts";
import type { Patterns } from "../harness/checkout.ts";

type Module = Patterns["limiter"];

/** So high that every call passes: a refusal is cheaper for some than for others. */
export const limit = 100_000;
export const window = days(1);

const algorithms = {
  "fixed window": ({ fixedWindow }: Module) => fixedWindow({ limit, window }),
  "sliding window": ({ slidingWindow }: Module) => slidingWindow({ limit, window }),
  "token bucket": ({ tokenBucket }: Module) => tokenBucket({ limit, window }),
  // A limit that leaves no whole number of milliseconds for a unit: the other path of the script.
  "GCRA, fractions of a millisecond": ({ gcra }: Module) => gcra({ limit: limit + 3, window }),
} as const;

export type AlgorithmName = keyof typeof algorithms;
export const algorithmNames = Object.keys(algorithms) as readonly AlgorithmName[];

/** The algorithm of that checkout whose module it is: its script is part of it. */
export function algorithmOf(name: AlgorithmName, module: Module): LimitAlgorithm {
  return algorithms[name](module);
}
