import { ConnectionError, OptionError } from "../../errors.ts";
import type { Breaker } from "../../outage/breaker.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import { createVerdict, type Verdict } from "./verdict.ts";

/** A decision that Redis could not make, as an outage policy gets it. */
export interface LimiterOutage {
  readonly id: string;
  /** The key in which Redis counts. */
  readonly key: string;
  readonly cost: number;
  readonly algorithm: LimitAlgorithm;
  /** The failure. */
  readonly error: unknown;
}

/** An outage policy: decides in place of Redis. */
export type OnLimiterError = (outage: LimiterOutage) => Verdict | Promise<Verdict>;

/**
 * Asks Redis, and does not ask at all while the breaker is open.
 * @throws What went wrong. An abort is the caller's own and says nothing about Redis.
 */
export async function guarded<T>(
  context: { readonly breaker: Breaker },
  signal: AbortSignal | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  if (!context.breaker.ready()) throw new ConnectionError("Redis failed a moment ago and is left alone", false);
  try {
    const reply = await ask();
    context.breaker.succeeded();
    return reply;
  } catch (error) {
    if (!signal?.aborted) context.breaker.failed();
    throw error;
  }
}

/**
 * The outage policy that the option names.
 * @throws {OptionError} It names none.
 */
export function toOutagePolicy(onError: "allow" | "deny" | OnLimiterError): OnLimiterError {
  if (typeof onError === "function") return onError;
  if (onError === "allow")
    return ({ algorithm, cost }) => createVerdict(algorithm, { degraded: true, remaining: algorithm.limit - cost });
  if (onError === "deny")
    return ({ algorithm }) => createVerdict(algorithm, { degraded: true, reason: "outage", retryAfter: 1_000 });
  throw new OptionError('`onError` must be "allow", "deny" or a function');
}
