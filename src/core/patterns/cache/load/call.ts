import type { Redis } from "../../../port/redis.ts";
import { type CacheContext, report } from "../context.ts";
import type { DatedAnswer, Flight, Flights } from "../flight.ts";
import { isServable, judge, type Judgement, sourceOf, type Times } from "../freshness.ts";
import type { FoundEntry } from "../read.ts";
import type { LoadContext } from "./wishes.ts";

/** Computes the value of a key. */
export type Load<T> = (context: LoadContext) => T | Promise<T>;

/** One call that claims one or many keys and loads them. */
export interface CacheCall {
  /** The port by which claims and writes go out; for many keys it is one that bundles them. */
  readonly redis: Redis;
  readonly tags: readonly string[];
  readonly times: Times;
  readonly signal: AbortSignal | undefined;
  /** Takes work that goes on after the call has answered. It must not reject. */
  readonly background: (work: Promise<unknown>) => void;
}

/** One call of `getOrSet`. */
export interface LoadCall<T> extends CacheCall {
  readonly id: string;
  readonly load: Load<T>;
  readonly flights: Flights<T>;
  /** Whether this call knows already that Redis does not answer. */
  readonly down: boolean;
}

/** A call inside its flight: the signal is the flight's. */
export interface FlightCall<T> extends LoadCall<T> {
  readonly signal: AbortSignal;
  readonly flight: Flight<DatedAnswer<T> | undefined>;
}

/** The work of a flight. It returns nothing where there is no answer; callers that joined then start again. */
export type Run<T> = (call: FlightCall<T>) => Promise<DatedAnswer<T> | undefined>;

/** The stage of an entry with the answer that it allows: one to serve now, or one to serve if the load fails. */
export interface Usable<T> extends Judgement {
  readonly answer?: DatedAnswer<T>;
  readonly fallback?: DatedAnswer<T>;
}

/** Judges an entry that was read in the turn `asOf`. If it may be served now, that is reported. */
export function judgeEntry<T>(
  context: CacheContext,
  { id, times }: LoadCall<T>,
  { entry, left }: FoundEntry<T>,
  { asOf, start }: { readonly asOf: number; readonly start: number },
): Usable<T> {
  const judgement = judge(times, entry, left);
  const { value } = entry;
  if (judgement.stage === "fallback") {
    return { ...judgement, fallback: { value, source: "stale", degraded: true, asOf } };
  }
  if (!isServable(judgement)) return judgement;
  const source = sourceOf(judgement);
  if (context.onEvent) report(context, source, id, { duration: performance.now() - start });
  return { ...judgement, answer: { value, source, degraded: false, asOf } };
}
