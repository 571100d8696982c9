import { OptionError } from "../../errors.ts";
import { failureOf } from "../../failure.ts";
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

/** Throws what no outage policy decides: an abort, and a mistake, which would else let everybody pass unnoticed. */
export function throwUnlessOutage(error: unknown, signal: AbortSignal | undefined): void {
  if (signal?.aborted || failureOf(error) === "mistake") throw error;
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
