import { bindInside, createInternals, insideOf } from "../../internals.ts";
import type { Redis } from "../../port/redis.ts";

/** What the operations of one `createCounters` share. */
export interface CounterContext {
  readonly redis: Redis;
  /** What its keys begin with. */
  readonly namespace: string;
  /** In milliseconds; 0 is for ever. */
  readonly ttl: number;
  readonly requestTtl: number;
}

const contexts = /* @__PURE__ */ createInternals<CounterContext>("counter");

/** Ties counters to their context, and returns them. */
export function bindContext<T extends object>(counters: T, context: CounterContext): T {
  return bindInside(contexts, counters, context);
}

/**
 * The context of counters.
 * @throws {OptionError} They were not made by `createCounters`.
 */
export function contextOf(counters: object): CounterContext {
  return insideOf(contexts, counters, "`counters` must come from createCounters");
}
