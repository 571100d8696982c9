import type { EntryHead } from "./format/entry.ts";

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

/** The stages of an entry: served; served while it is loaded anew in the background; served if the load fails; not served. */
export type Stage = "fresh" | "revalidate" | "fallback" | "gone";

/** The stage of an entry. `early` is how long before its end a fresh one counts as due, in milliseconds. */
export interface Judgement {
  readonly stage: Stage;
  readonly early: number;
}

/**
 * Judges an entry by the server's clock: `left` is what remains of its TTL in Redis, of which `extra` is the time after freshness.
 *
 * A fresh entry is due early with a probability that rises towards its end, by XFetch: if `delta * beta * -ln(random)` is more than
 * the time that is left (Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015).
 */
export function judge(times: Times, { extra, delta }: EntryHead, left: number): Judgement {
  const freshFor = left - extra;
  if (freshFor > 0) {
    const early = Math.ceil(delta * times.earlyRefresh * -Math.log(1 - Math.random()));
    return early >= freshFor ? { stage: "revalidate", early } : { stage: "fresh", early: 0 };
  }
  if (-freshFor < times.staleWhileRevalidate) return { stage: "revalidate", early: 0 };
  return { stage: -freshFor < staleTime(times) ? "fallback" : "gone", early: 0 };
}

/** Whether an entry may be served before its load has ended. */
export function isServable({ stage }: Judgement): boolean {
  return stage === "fresh" || stage === "revalidate";
}

/** The event of a read, by the entry that it served. */
export function sourceOf({ stage, early }: Judgement): "hit" | "stale" {
  return stage === "fresh" || early > 0 ? "hit" : "stale";
}

/** How long values are kept after they stopped being fresh, in milliseconds. */
export function staleTime({ staleWhileRevalidate, staleIfError }: Times): number {
  return staleWhileRevalidate + staleIfError;
}

/**
 * How long a value is kept in all, and how much of that after it stopped being fresh, in milliseconds. With `negativeTtl`, `null` and
 * `undefined` are never served stale.
 */
export function lifetimeOf(times: Times, value: unknown): { readonly ttl: number; readonly extra: number } {
  const negative = (value === null || value === undefined) && times.negativeTtl !== undefined;
  const extra = negative ? 0 : staleTime(times);
  const fresh = ((negative && times.negativeTtl) || times.ttl) * (1 - times.jitter * Math.random());
  return { ttl: Math.max(1, Math.round(fresh)) + extra, extra };
}

/** The longest time that a value with these times is kept, in milliseconds. */
export function storedTtl(times: Times): number {
  return Math.max(times.ttl, times.negativeTtl ?? 0) + staleTime(times);
}
