import type { OnEvent } from "../../event.ts";
import { bindInside, createInternals, insideOf } from "../../internals.ts";
import type { Breaker } from "../../outage/breaker.ts";
import type { Redis } from "../../port/redis.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import type { BlockedIds } from "./options.ts";
import type { OnLimiterError } from "./outage-policy.ts";

/** The state that the operations of one limiter share. */
export interface LimiterContext {
  readonly redis: Redis;
  /** What its keys begin with. */
  readonly namespace: string;
  /** The user's prefix, as events name it. */
  readonly prefix: string;
  readonly algorithm: LimitAlgorithm;
  readonly onError: OnLimiterError;
  readonly timeout: number;
  readonly breaker: Breaker;
  readonly onEvent?: OnEvent | undefined;
  readonly blocked?: BlockedIds | undefined;
}

const contexts = /* @__PURE__ */ createInternals<LimiterContext>("limiter");

/** Ties a limiter to its context, and returns it. */
export function bindContext<T extends object>(limiter: T, context: LimiterContext): T {
  return bindInside(contexts, limiter, context);
}

/**
 * The context of a limiter.
 * @throws {OptionError} It was not made by `createLimiter`.
 */
export function contextOf(limiter: object): LimiterContext {
  return insideOf(contexts, limiter, "`limiter` must come from createLimiter");
}
