import type { OnEvent } from "../../event.ts";
import type { BreakerOptions } from "../../outage/breaker.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import type { OnLimiterError } from "./outage-policy.ts";
import type { Verdict } from "./verdict.ts";

/** Options of one decision. */
export interface LimitOptions {
  /**
   * How many units the call takes.
   * @default 1
   */
  readonly cost?: number | undefined;
  /** Ends the wait for Redis; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Names the call, so that it counts once however often it is sent within a minute. Takes two commands more in the script.
   * @default a random one, which covers a client's own re-sending among the last four calls of the id, the last one for `gcra`; none
   * for `gcra` at a whole number of milliseconds per unit, where it would take a command more
   */
  readonly requestId?: string | undefined;
  /**
   * Whose Cluster slot the id's key shares, such as the customer's of a user. Each group of an id counts apart.
   * @default the id's own
   */
  readonly group?: string | undefined;
  /**
   * Decides by another limit of the same family, such as that of a customer's plan.
   * @default the limiter's own
   */
  readonly algorithm?: LimitAlgorithm | undefined;
}

/** Options of a limiter. */
export interface LimiterOptions {
  /** How to limit, such as `slidingWindow({ limit: 100, window: seconds(60) })`. */
  readonly algorithm: LimitAlgorithm;
  /**
   * What its keys begin with.
   * @default "limit"
   */
  readonly prefix?: string;
  /**
   * What to answer while Redis does not: `"allow"` lets everyone pass, `"deny"` nobody, a function decides itself. Such a verdict is
   * `degraded`.
   * @default "allow"
   */
  readonly onError?: "allow" | "deny" | OnLimiterError;
  /**
   * How long to wait for Redis, in milliseconds.
   * @default 1000
   */
  readonly timeout?: number;
  /** When Redis counts as down, and for how long it is left alone then. */
  readonly breaker?: BreakerOptions;
  /**
   * Repeats refusals from memory, without a trip, while they must still hold: `blockedIds()`.
   * @default every call asks Redis
   */
  readonly blocked?: BlockedIds;
  /** Told of every `allowed`, `refused` and `failed` decision. */
  readonly onEvent?: OnEvent | undefined;
}

/** Remembers who was refused until when. */
export interface BlockedIds {
  /** The refusal of this demand, as it would be told now, while it must still hold. */
  find(key: string, demand: string): Verdict | undefined;
  /** Remembers a refusal that was asked for at `askedAt`. */
  add(key: string, demand: string, verdict: Verdict, askedAt: number): void;
  /** Forgets what was refused under this key. */
  clear(key: string): void;
}
