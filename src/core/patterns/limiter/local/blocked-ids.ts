import { setBounded } from "../../../bounded-map.ts";
import { checkCount, checkDuration } from "../../../check.ts";
import type { BlockedIds } from "../options.ts";
import type { Verdict } from "../verdict.ts";

/** Options of `blockedIds`. */
export interface BlockedIdsOptions {
  /**
   * The most ids to remember; the one that was refused longest ago is forgotten first.
   * @default 10000
   */
  readonly max?: number;
  /**
   * The longest time for which a refusal is repeated without asking Redis, in milliseconds. It is also how long a reset, a refund or a
   * higher limit of another process can stay unseen.
   * @default 1000
   */
  readonly cap?: number;
}

interface Refusal {
  readonly verdict: Verdict;
  readonly askedAt: number;
  readonly until: number;
}

/** The most costs and limits of one id to remember. */
const demandsPerId = 8;

/**
 * Creates a memory of refusals: there is no trip to Redis while a refusal must still hold. It never refuses what Redis would allow,
 * except for what another process gave back less than `cap` ago. A refusal counts from the moment at which Redis was asked, by the
 * monotonic clock, and for the same cost and limit only.
 * @throws {OptionError} An option is out of its range.
 */
export function blockedIds({ max = 10_000, cap = 1_000 }: BlockedIdsOptions = {}): BlockedIds {
  checkCount("max", max);
  checkDuration("cap", cap);
  let clearedAt = -Infinity;
  const refused = new Map<string, Map<string, Refusal>>();
  return {
    find(key, demand) {
      const refusal = refused.get(key)?.get(demand);
      const now = performance.now();
      return refusal && now < refusal.until ? asOfNow(refusal, now) : undefined;
    },
    add(key, demand, verdict, askedAt) {
      if (askedAt <= clearedAt) return;
      const demands = refused.get(key) ?? new Map<string, Refusal>();
      // Redis read its clock after `askedAt`, so that the true moment is not before this one. One millisecond is its rounding.
      const until = askedAt + Math.min(cap, verdict.retryAfter - 1);
      setBounded(demands, demand, { verdict, askedAt, until }, demandsPerId);
      setBounded(refused, key, demands, max);
    },
    clear(key) {
      // A refusal that is still on its way may be older than the change that makes this call.
      clearedAt = performance.now();
      refused.delete(key);
    },
  };
}

function asOfNow({ verdict, askedAt }: Refusal, now: number): Verdict {
  const passed = Math.floor(now - askedAt);
  return {
    ...verdict,
    retryAfter: verdict.retryAfter - passed,
    resetAfter: Math.max(0, verdict.resetAfter - passed),
    pending: Promise.resolve(),
  };
}
