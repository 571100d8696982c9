import { checkDuration, checkDurationOrZero } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { CacheContext } from "./context.ts";
import type { EntryHead } from "./format/entry.ts";
import type { CacheOptions } from "./options.ts";

/** The times of an entry, in milliseconds. */
export interface Times {
  readonly ttl: number;
  readonly negativeTtl: number | undefined;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  /** The largest share of the TTL that is cut off at random. */
  readonly jitter: number;
  /** The `beta` of XFetch; 0 is never. */
  readonly earlyRefresh: number;
}

/**
 * Checks the options that are times.
 * @throws {OptionError} One of them can never work.
 */
export function checkTimes<T>(options: CacheOptions<T>): Times {
  const { negativeTtl, jitter = 0.1, earlyRefresh = 0, staleWhileRevalidate = 0, staleIfError = 0 } = options;
  return {
    ttl: checkDuration("ttl", options.ttl),
    negativeTtl: checkOptionalDuration("negativeTtl", negativeTtl),
    staleWhileRevalidate: checkDurationOrZero("staleWhileRevalidate", staleWhileRevalidate),
    staleIfError: checkDurationOrZero("staleIfError", staleIfError),
    jitter: checkBelow(1, "jitter", jitter),
    earlyRefresh: checkBelow(100, "earlyRefresh", earlyRefresh),
  };
}

function checkBelow(end: number, name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0 && value < end) return value;
  throw new OptionError(`\`${name}\` must be at least 0 and below ${end}`);
}

function checkOptionalDuration(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : checkDuration(name, value);
}

/** The stages of an entry: served; served while it is loaded anew in the background; served if the load fails; not served. */
export type Stage = "fresh" | "revalidate" | "fallback" | "gone";

/** The stage of an entry. `early` is how long before its end a fresh one counts as due, in milliseconds. */
export interface Judgement {
  readonly stage: Stage;
  readonly early: number;
}

/**
 * Judges an entry by the server's clock: `left` is what remains of its TTL in Redis, of which `staleTime` is the time after freshness.
 *
 * A fresh entry is due early with a probability that rises towards its end, by XFetch: if `loadTime * beta * -ln(random)` is more than
 * the time that is left (Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015).
 */
export function judge(times: Times, { staleTime, loadTime }: EntryHead, left: number): Judgement {
  const freshFor = left - staleTime;
  if (freshFor > 0) {
    const early = Math.ceil(loadTime * times.earlyRefresh * -Math.log(1 - Math.random()));
    return early >= freshFor ? { stage: "revalidate", early } : { stage: "fresh", early: 0 };
  }
  if (-freshFor < times.staleWhileRevalidate) return { stage: "revalidate", early: 0 };
  return { stage: -freshFor < staleTimeOf(times) ? "fallback" : "gone", early: 0 };
}

/** Whether an entry may be served before its load has ended. */
export function isServable({ stage }: Judgement): boolean {
  return stage === "fresh" || stage === "revalidate";
}

/** The event of a read, by the entry that it served. */
export function sourceOf({ stage, early }: Judgement): "hit" | "stale" {
  return stage === "fresh" || early > 0 ? "hit" : "stale";
}

/** The time for which values are kept after they stopped being fresh, in milliseconds. */
export function staleTimeOf({ staleWhileRevalidate, staleIfError }: Times): number {
  return staleWhileRevalidate + staleIfError;
}

/**
 * The TTL of a value in Redis, and the part of it after the value stopped being fresh, in milliseconds. With `negativeTtl`, `null` and
 * `undefined` are never served stale.
 */
export function lifetimeOf(times: Times, value: unknown): { readonly ttl: number; readonly staleTime: number } {
  const negative = isNegative(times, value);
  const staleTime = negative ? 0 : staleTimeOf(times);
  const fresh = ((negative && times.negativeTtl) || times.ttl) * (1 - times.jitter * Math.random());
  return { ttl: Math.max(1, Math.round(fresh)) + staleTime, staleTime };
}

/** The times of a call that has a `ttl` of its own. */
export function timesWith(times: Times, ttl: number | undefined): Times {
  return ttl === undefined ? times : { ...times, ttl: checkDuration("ttl", ttl) };
}

/** Whether `negativeTtl` is the time of this value. */
export function isNegative({ negativeTtl }: Times, value: unknown): boolean {
  return (value === null || value === undefined) && negativeTtl !== undefined;
}

/** The longest time that a value with these times is kept, in milliseconds. */
export function storedTtl(times: Times): number {
  return Math.max(times.ttl, times.negativeTtl ?? 0) + staleTimeOf(times);
}

/** The TTL of a lease, in milliseconds: the time that the load and the write of its value may take. */
export function leaseTtl({ hardTimeout, timeout }: Pick<CacheContext, "hardTimeout" | "timeout">): number {
  return hardTimeout + 2 * timeout;
}
