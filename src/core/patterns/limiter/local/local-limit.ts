import { setBounded } from "../../../bounded-map.ts";
import { checkCount } from "../../../check.ts";
import type { OnLimiterError } from "../outage-policy.ts";
import { createVerdict } from "../verdict.ts";

/** Options of `localLimit`. */
export interface LocalLimitOptions {
  /**
   * The number of processes that share the limit; each of them allows its share.
   * @default 1
   */
  readonly processes?: number;
  /**
   * The most ids to remember; the one that called longest ago is forgotten first.
   * @default 10000
   */
  readonly max?: number;
}

/**
 * An outage policy: while Redis does not answer, this process limits on its own. Its rate is the limit's, divided by the number of
 * processes, and at least 1 per window. It knows nothing of what was taken before or elsewhere.
 * @example
 * const algorithm = gcra({ limit: 100, window: minutes(1) });
 * const limiter = createLimiter(redis, { prefix: "api", algorithm, onError: localLimit({ processes: 4 }) });
 * @throws {OptionError} An option is out of its range.
 */
export function localLimit({ processes = 1, max = 10_000 }: LocalLimitOptions = {}): OnLimiterError {
  checkCount("processes", processes);
  checkCount("max", max);
  const freeAt = new Map<string, number>();
  return ({ key, cost, algorithm }) => {
    const now = performance.now();
    const { limit, policy } = algorithm;
    const share = Math.max(1, Math.floor(limit / processes));
    const interval = policy.window / Math.max(1, policy.limit / processes);
    const debt = Math.max(0, (freeAt.get(key) ?? 0) - now);
    const wait = debt + (cost - share) * interval;
    const fits = wait <= 0;
    const owed = debt + (fits ? cost * interval : 0);
    setBounded(freeAt, key, now + owed, max);
    return createVerdict(algorithm, {
      degraded: true,
      reason: fits ? null : "limit",
      remaining: Math.max(0, Math.floor(share - owed / interval)),
      retryAfter: fits ? 0 : cost > share ? Infinity : Math.ceil(wait),
      resetAfter: Math.ceil(owed),
    });
  };
}
