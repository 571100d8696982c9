import type { LimitAlgorithm, LimitPolicy } from "./algorithm.ts";

/**
 * The reason of a refusal. `limit`: too many units in the window. `blocked`: by `block`, or because the next units are booked already.
 * `cost`: the call costs more than the limit and can never pass. `outage`: Redis does not answer, and the policy refuses.
 */
export type RefusalReason = "limit" | "blocked" | "cost" | "outage";

/** A decision. A refusal is one, too: it is no exception, and it takes nothing. */
export interface Verdict {
  readonly allowed: boolean;
  /** The reason of a refusal; `null` when allowed. */
  readonly reason: RefusalReason | null;
  /** The most units that can pass at once. */
  readonly limit: number;
  /** The units that are left now. */
  readonly remaining: number;
  /** The time until this cost can pass if nobody else calls, in milliseconds: 0 when allowed, `Infinity` if never. */
  readonly retryAfter: number;
  /** The time until everything is free again if nobody calls, in milliseconds. */
  readonly resetAfter: number;
  /** The limit that decided. */
  readonly policy: LimitPolicy;
  /** True where Redis did not answer and the outage policy decided. */
  readonly degraded: boolean;
  /** Work that goes on after the answer, for `waitUntil`. It never rejects. */
  readonly pending: Promise<void>;
}

/** Creates a verdict: an allowed one with nothing left, where `parts` do not say otherwise. */
export function createVerdict(
  { policy, limit }: LimitAlgorithm,
  parts: Partial<Omit<Verdict, "policy" | "limit" | "allowed">>,
): Verdict {
  return {
    allowed: !parts.reason,
    reason: null,
    limit,
    remaining: 0,
    retryAfter: 0,
    resetAfter: 0,
    policy,
    degraded: false,
    pending: Promise.resolve(),
    ...parts,
  };
}

/** Reads the answer of a script; see `Decision`. */
export function toVerdict(
  algorithm: LimitAlgorithm,
  maxWait: number,
  [wait = 0, free = 0, reset = 0]: readonly number[],
): Verdict {
  return createVerdict(algorithm, {
    reason: wait <= Math.max(maxWait, 0) ? null : free < 0 ? "blocked" : "limit",
    remaining: Math.min(Math.max(free, 0), algorithm.limit),
    retryAfter: wait,
    resetAfter: reset,
  });
}
