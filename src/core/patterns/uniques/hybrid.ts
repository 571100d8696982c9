import { checkCount, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { hybridParts } from "./format.ts";
import type { CountKind } from "./options.ts";
import { addHybrid, countHybrid, mergeHybrid } from "./scripts/hybrid.lua.ts";
import { mostAtOnce } from "./scripts/parts.lua.ts";

/** Options of `hybrid`. */
export interface HybridOptions {
  /**
   * Up to how many members a counter is exact, at most 10,000.
   * @default 1000
   */
  readonly exactUntil?: number | undefined;
}

/**
 * Counts exactly while there are few members, and estimates as `approximate` does from then on.
 * @throws {OptionError} `exactUntil` is not a whole number from 1 to 10,000.
 */
export function hybrid(options?: HybridOptions): CountKind<"hybrid"> {
  const { exactUntil = 1_000 } = checkOptions(options, "{ exactUntil: 500 }") ?? {};
  if (checkCount("exactUntil", exactUntil) > mostAtOnce) {
    throw new OptionError("`exactUntil` must be at most 10,000; use exact() for more");
  }
  return {
    name: "hybrid",
    parts: hybridParts,
    add: (redis, values, options) => addHybrid(redis, { ...values, exactUntil }, options),
    count: countHybrid,
    merge: mergeHybrid,
  };
}
