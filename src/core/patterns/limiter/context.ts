import { OptionError } from "../../errors.ts";
import type { OnEvent } from "../../event.ts";
import type { Breaker } from "../../outage/breaker.ts";
import type { Redis } from "../../port/redis.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import type { BlockedIds } from "./options.ts";
import type { OnLimiterError } from "./outage-policy.ts";

/** The state that the operations of one limiter share. */
export interface LimiterContext {
  readonly redis: Redis;
  readonly prefix: string;
  readonly algorithm: LimitAlgorithm;
  readonly onError: OnLimiterError;
  readonly timeout: number;
  readonly breaker: Breaker;
  readonly onEvent?: OnEvent | undefined;
  readonly blocked?: BlockedIds | undefined;
}

const contexts = new WeakMap<object, LimiterContext>();

/** Ties a limiter to its context, and returns it. */
export function bindContext<T extends object>(limiter: T, context: LimiterContext): T {
  contexts.set(limiter, context);
  return limiter;
}

/**
 * The context of a limiter. A function of its own, so that a bundle of a limiter alone leaves it out.
 * @throws {OptionError} It was not made by `createLimiter`.
 */
export function contextOf(limiter: object): LimiterContext {
  const context = contexts.get(limiter);
  if (context) return context;
  throw new OptionError("`limiter` must come from createLimiter");
}
