import { checkCount, checkDuration } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { randomText } from "../../../crypto.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { decideConcurrency } from "../scripts/concurrency.lua.ts";

/** Options of the concurrency limit. */
export interface ConcurrencyOptions {
  /** The most units that can be held at once. */
  readonly limit: number;
  /** The time after which the units of a crashed holder are free again, in milliseconds of Redis' clock. */
  readonly lease: number;
  /**
   * The policy's name in header fields.
   * @default "default"
   */
  readonly name?: string;
}

/** The most units: a call or a block that takes all of them is as many commands of one script. */
const mostUnits = 5_000;

/**
 * Limits how many calls are under way at once. `acquirePermit` takes a permit for one of them. A holder that crashes loses its units
 * when its lease ends.
 * @throws {OptionError} The limit is not a whole number from 1 to 5,000, or the lease is shorter than 1 ms or infinite.
 */
export function concurrency({ limit, lease, name = "default" }: ConcurrencyOptions): LimitAlgorithm {
  const length = checkDuration("lease", lease);
  if (limit > mostUnits) throw new OptionError("`limit` of permits must be at most 5000; spread them over several ids");
  return {
    kind: "held1",
    limit: checkCount("limit", limit),
    policy: { name, limit, window: length, unit: "concurrent-requests" },
    script: decideConcurrency,
    numbers: [limit, length, 0],
    requestId: () => randomText(12),
    held: true,
  };
}
