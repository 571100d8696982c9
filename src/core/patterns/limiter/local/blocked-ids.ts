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

/** How many combinations of cost and limit are remembered of one id. */
const combinationsPerId = 8;

/**
 * Creates a memory of refusals: while one is certain to hold, Redis is not asked. It never refuses what Redis would allow, except for
 * what another process gave back less than `cap` ago. The time of a refusal runs from when Redis was asked, by `performance.now()`, and
 * it applies to the same cost and limit only.
 * @throws {OptionError} An option is out of its range.
 */
export function blockedIds({ max = 10_000, cap = 1_000 }: BlockedIdsOptions = {}): BlockedIds {
  checkCount("max", max);
  checkDuration("cap", cap);
  // One instant for all keys: to drop a refusal too many is safe.
  let lastClearedAt = -Infinity;
  const refused = new Map<string, Map<string, Refusal>>();
  return {
    find(key, costAndLimit) {
      const refusal = refused.get(key)?.get(costAndLimit);
      const now = performance.now();
      return refusal && now < refusal.until ? asOfNow(refusal, now) : undefined;
    },
    add(key, costAndLimit, verdict, askedAt) {
      if (askedAt <= lastClearedAt) return;
      const refusals = refused.get(key) ?? new Map<string, Refusal>();
      // Redis decided after `askedAt`, so that the refusal ends no earlier than this. One millisecond is its rounding.
      const until = askedAt + Math.min(cap, verdict.retryAfter - 1);
      setBounded(refusals, costAndLimit, { verdict, askedAt, until }, combinationsPerId);
      setBounded(refused, key, refusals, max);
    },
    clear(key) {
      // A refusal that was asked for before may still arrive; `add` drops it.
      lastClearedAt = performance.now();
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
