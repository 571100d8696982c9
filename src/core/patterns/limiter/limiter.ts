import { checkCount, checkDuration, checkFunction, checkMethods, checkOptions } from "../../check.ts";
import { namespaceOf } from "../../keys.ts";
import { createBreaker, tripIfReady } from "../../outage/breaker.ts";
import type { Redis } from "../../port/redis.ts";
import { portFor } from "../../wait/ask-again.ts";
import { checkAlgorithm } from "./algorithm.ts";
import { bindContext, type LimiterContext } from "./context.ts";
import { counterKey, decide, runDecision, shortId } from "./decide.ts";
import type { LimiterOptions, LimitOptions } from "./options.ts";
import { toOutagePolicy } from "./outage-policy.ts";
import type { Verdict } from "./verdict.ts";

/** A limit, counted for each id. */
export interface Limiter {
  /**
   * Decides and counts in one trip. A refusal takes nothing.
   * @throws {OptionError} The id is empty or too long, the cost is not a whole number above 0, or the options are none.
   * @throws The signal's reason, if it aborted.
   */
  limit(id: string, options?: LimitOptions): Promise<Verdict>;
  /**
   * Answers as `limit` would, and takes nothing.
   * @throws As `limit` does.
   */
  peek(id: string, options?: LimitOptions): Promise<Verdict>;
  /**
   * Gives back units that were taken and not used; never more than were taken.
   * @throws {OptionError} The units are not a whole number above 0.
   * @throws {RedisPatternsError} Redis failed.
   */
  refund(id: string, units: number, options?: Omit<LimitOptions, "cost">): Promise<void>;
  /**
   * Refuses every call of the id for `time` milliseconds, in place of an earlier block.
   * @throws {OptionError} The time is shorter than 1 ms or infinite.
   * @throws {RedisPatternsError} Redis failed.
   */
  block(id: string, time: number, options?: Omit<LimitOptions, "cost" | "requestId">): Promise<void>;
  /**
   * Forgets this id and no other: everything is free, and a block ends.
   * @throws {RedisPatternsError} Redis failed.
   */
  reset(id: string, options?: Omit<LimitOptions, "cost" | "requestId">): Promise<void>;
}

/**
 * Creates a limiter: it limits the calls of each id, exactly and across all processes.
 * @example
 * const limiter = createLimiter(redis, { prefix: "api", algorithm: slidingWindow({ limit: 100, window: seconds(60) }) });
 * const { allowed, remaining, retryAfter } = await limiter.limit(userId);
 * @throws {OptionError} An option can never work.
 */
export function createLimiter(redis: Redis, options: LimiterOptions): Limiter {
  const port = portFor(redis, options);
  const { algorithm, prefix, onError = "allow", timeout = 1_000, onEvent, blocked, breaker } = options;
  if (onEvent !== undefined) checkFunction("onEvent", onEvent);
  checkMethods("blocked", blocked, "blockedIds()", "find", "add", "clear");
  const context: LimiterContext = {
    ...options,
    redis: port,
    namespace: namespaceOf("limiter", prefix),
    algorithm: checkAlgorithm(algorithm),
    onError: toOutagePolicy(onError),
    timeout: checkDuration("timeout", timeout),
    breaker: createBreaker(checkOptions(breaker, "breaker: { cooldown: 1_000 }")),
  };
  const limiter: Limiter = {
    limit: (id, call) => decide(context, id, call),
    peek: (id, call) => decide(context, id, call, -1),
    async refund(id, units, call = {}) {
      const cost = -checkCount("units", units);
      await runDecision(context, counterKey(context, id, call), call, [cost, 0, 0], shortId());
    },
    async block(id, time, call = {}) {
      const hold = checkDuration("time", time);
      await runDecision(context, counterKey(context, id, call), call, [0, Number.MAX_SAFE_INTEGER, hold]);
    },
    async reset(id, call = {}) {
      const key = counterKey(context, id, call);
      context.blocked?.clear(key);
      await tripIfReady(context.breaker, call.signal, () =>
        port.send(["DEL", key], { signal: call.signal, timeout, idempotent: true }),
      );
    },
  };
  return bindContext(limiter, context);
}
