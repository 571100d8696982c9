import { type BreakerOptions, createBreaker } from "../../outage/breaker.ts";
import { checkCount, checkDuration, checkPort } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { OnEvent } from "../../event.ts";
import { keyPrefix } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { briefId, isAlgorithm, type LimitAlgorithm } from "./algorithm.ts";
import type { BlockedIds } from "./local/blocked-ids.ts";
import { ask, decide, keyFor, type LimiterParts } from "./decide.ts";
import { guarded, type OnLimiterError, outagePolicy } from "./outage-policy.ts";
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

/** Limits how often something happens, by id. */
export interface Limiter {
  /**
   * Decides and counts in one trip. A refusal takes nothing.
   * @throws {OptionError} The id is empty or too long, or the cost is not a whole number above 0.
   * @throws The signal's reason, if it aborted.
   */
  limit(id: string, options?: LimitOptions): Promise<Verdict>;
  /**
   * Says what `limit` would say, and takes nothing.
   * @throws As `limit` does.
   */
  peek(id: string, options?: LimitOptions): Promise<Verdict>;
  /**
   * Gives units back that were taken and not used; never more than were taken.
   * @throws {RedisPatternsError} Redis failed.
   */
  refund(id: string, units: number, options?: Omit<LimitOptions, "cost">): Promise<void>;
  /**
   * Refuses everything for `time` milliseconds, in place of an earlier block.
   * @throws {RedisPatternsError} Redis failed.
   */
  block(id: string, time: number, options?: Omit<LimitOptions, "cost" | "requestId">): Promise<void>;
  /**
   * Forgets exactly this id: everything is free, and a block ends.
   * @throws {RedisPatternsError} Redis failed.
   */
  reset(id: string, options?: Omit<LimitOptions, "cost" | "requestId">): Promise<void>;
}

const partsOf = new WeakMap<Limiter, LimiterParts>();

/**
 * What the functions that take a limiter work with.
 * @throws {OptionError} It was not made by `createLimiter`.
 */
export function partsOfLimiter(limiter: Limiter): LimiterParts {
  const parts = partsOf.get(limiter);
  if (parts) return parts;
  throw new OptionError("`limiter` must come from createLimiter");
}

/**
 * Limits calls per id, exactly, across all processes.
 * @example
 * const limiter = createLimiter(redis, { prefix: "api", algorithm: slidingWindow({ limit: 100, window: seconds(60) }) });
 * const { allowed, remaining, retryAfter } = await limiter.limit(userId);
 * @throws {OptionError} An option can never work.
 */
export function createLimiter(redis: Redis, options: LimiterOptions): Limiter {
  checkPort(redis, options);
  const { algorithm, prefix = "limit", onError = "allow", timeout = 1_000, onEvent } = options;
  const parts: LimiterParts = {
    redis,
    prefix: keyPrefix(prefix),
    algorithm: isAlgorithm(algorithm),
    onError: outagePolicy(onError),
    timeout: checkDuration("timeout", timeout),
    breaker: createBreaker(options.breaker),
    onEvent,
    blocked: options.blocked,
  };
  const limiter: Limiter = {
    limit: (id, call = {}) => decide(parts, id, call),
    peek: (id, call = {}) => decide(parts, id, call, { most: -1 }),
    async refund(id, units, call = {}) {
      await ask(parts, id, call, { cost: -checkCount("units", units), most: 0, id: briefId() });
    },
    async block(id, time, call = {}) {
      await ask(parts, id, call, { cost: 0, most: Number.MAX_SAFE_INTEGER, hold: checkDuration("time", time) });
    },
    async reset(id, { signal, group, algorithm = parts.algorithm } = {}) {
      const key = keyFor(prefix, id, group, algorithm);
      parts.blocked?.clear(key);
      await guarded(parts.breaker, signal, () => redis.send(["DEL", key], { signal, timeout, idempotent: true }));
    },
  };
  partsOf.set(limiter, parts);
  return limiter;
}
