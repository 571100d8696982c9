import type { Breaker } from "../../outage/breaker.ts";
import { ConnectionError, OptionError } from "../../errors.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** A decision that Redis did not make. */
export interface LimiterOutage {
  readonly id: string;
  /** The key in which Redis counts. */
  readonly key: string;
  readonly cost: number;
  readonly algorithm: LimitAlgorithm;
  /** What went wrong. */
  readonly error: unknown;
}

/** Decides in place of Redis. */
export type OnLimiterError = (outage: LimiterOutage) => Verdict | Promise<Verdict>;

/**
 * Asks Redis, and does not ask at all while the breaker is open.
 * @throws What went wrong. An abort is the caller's own and says nothing about Redis.
 */
export async function guarded<T>(breaker: Breaker, signal: AbortSignal | undefined, ask: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  if (!breaker.ready()) throw new ConnectionError("Redis failed a moment ago and is left alone", false);
  try {
    const reply = await ask();
    breaker.succeeded();
    return reply;
  } catch (error) {
    if (!signal?.aborted) breaker.failed();
    throw error;
  }
}

/** The verdict of the stated policy. */
export function degraded(
  onError: "allow" | "deny" | OnLimiterError,
  outage: LimiterOutage,
): Verdict | Promise<Verdict> {
  if (typeof onError === "function") return onError(outage);
  const { algorithm, cost } = outage;
  if (onError === "deny") return verdict(algorithm, { degraded: true, reason: "outage", retryAfter: 1_000 });
  return verdict(algorithm, { degraded: true, remaining: algorithm.limit - cost });
}

/** Lets an outage policy through. */
export function outagePolicy<T>(onError: T): T {
  if (typeof onError === "function" || onError === "allow" || onError === "deny") return onError;
  throw new OptionError('`onError` must be "allow", "deny" or a function');
}
