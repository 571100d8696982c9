import type { LimitAlgorithm, LimitPolicy } from "./algorithm.ts";

/**
 * Why a call was refused. `limit`: too many units in the window. `blocked`: by `block`, or the next units are booked already. `cost`: it
 * is above the limit and can never pass. `outage`: Redis does not answer and the policy says no.
 */
export type RefusalReason = "limit" | "blocked" | "cost" | "outage";

/** A decision. A refusal is one too, never an exception, and takes nothing. */
export interface Verdict {
  readonly allowed: boolean;
  /** Why not; `null` when allowed. */
  readonly reason: RefusalReason | null;
  /** The most units that can pass at once. */
  readonly limit: number;
  /** How many units are left now. */
  readonly remaining: number;
  /** How long until this cost passes if nobody else comes, in milliseconds: 0 when allowed, `Infinity` if never. */
  readonly retryAfter: number;
  /** How long until everything is free again if nobody comes, in milliseconds. */
  readonly resetAfter: number;
  /** The limit that decided. */
  readonly policy: LimitPolicy;
  /** Whether Redis did not answer, so that this is the outage policy's word. */
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
