import type { OnEvent } from "../../event.ts";
import type { BreakerOptions } from "../../outage/breaker.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import type { OnLimiterError } from "./outage-policy.ts";
import type { Verdict } from "./verdict.ts";

/** Options of one decision. */
export interface LimitOptions {
  /**
   * The units that the call takes.
   * @default 1
   */
  readonly cost?: number | undefined;
  /** Ends the wait for Redis: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * A name for the call, so that it counts once, however often it is sent within a minute. It takes two more commands in the script.
   * @default a random one at no cost, which is remembered for the last four calls of the id, or the last one with `gcra`: it is enough
   * where a client sends a command twice by itself. `gcra` has none where a unit takes a whole number of milliseconds
   */
  readonly requestId?: string | undefined;
  /**
   * A name that several ids share, such as that of a user's customer. Their keys are in one Cluster slot, and an id counts in each
   * group separately.
   * @default the id is a group of its own
   */
  readonly group?: string | undefined;
  /**
   * Another limit of the same kind for this call, such as that of a customer's plan.
   * @default the limiter's own
   */
  readonly algorithm?: LimitAlgorithm | undefined;
}

/** Options of a limiter. */
export interface LimiterOptions {
  /** The limit and its algorithm, such as `slidingWindow({ limit: 100, window: seconds(60) })`. */
  readonly algorithm: LimitAlgorithm;
  /** The name of the limit: its keys begin with `limiter:` and this, so that two limiters share their counts only if they share it. */
  readonly prefix: string;
  /**
   * The policy while Redis does not answer: `"allow"` lets every call pass, `"deny"` none, and a function decides itself. Such a
   * verdict is `degraded`.
   * @default "allow"
   */
  readonly onError?: "allow" | "deny" | OnLimiterError;
  /**
   * The longest wait for Redis, in milliseconds.
   * @default 1000
   */
  readonly timeout?: number;
  /** The rule by which Redis counts as down, and the time for which it is left alone then. */
  readonly breaker?: BreakerOptions;
  /**
   * A memory of refusals, `blockedIds()`: they are repeated without a trip while they must still hold.
   * @default none: every call asks Redis
   */
  readonly blocked?: BlockedIds;
  /** Receives every decision, by the type `allowed`, `refused` or `failed`. */
  readonly onEvent?: OnEvent | undefined;
}

/** A memory of the ids that were refused, and until when. */
export interface BlockedIds {
  /** The refusal under this key for this cost and limit, its times counted down to now; `undefined` where Redis has to be asked. */
  find(key: string, costAndLimit: string): Verdict | undefined;
  /** Remembers a refusal. `askedAt` is when Redis was asked, by `performance.now()`. */
  add(key: string, costAndLimit: string, verdict: Verdict, askedAt: number): void;
  /** Forgets the refusals under this key. */
  clear(key: string): void;
}
