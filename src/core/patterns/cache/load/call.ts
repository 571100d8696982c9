import type { Redis } from "../../../port/redis.ts";
import { type Shared, tell } from "../context.ts";
import type { Dated, Flight, Flights } from "../flight.ts";
import { isServed, judge, type Judgement, sourceOf, type Times } from "../freshness.ts";
import type { FoundEntry } from "../read.ts";

/** Computes the value of a key. `signal` aborts when nobody waits for it any more, or when it took longer than `hardTimeout`. */
export type Load<T> = (context: { readonly signal: AbortSignal }) => T | Promise<T>;

/** One call that claims keys and loads them, one or many. */
export interface CacheCall {
  /** The port by which claims and writes go out; of many keys it is one that bundles them. */
  readonly redis: Redis;
  readonly tags: readonly string[];
  readonly times: Times;
  readonly signal: AbortSignal | undefined;
  /** Takes what goes on after the call has answered. It must not reject. */
  readonly background: (work: Promise<unknown>) => void;
}

/** One call of `getOrSet`, on its way. */
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
  readonly flight: Flight<Dated<T> | undefined>;
}

/** What happens inside a flight. It returns nothing if its answer suits nobody: whoever joined asks again. */
export type Run<T> = (call: FlightCall<T>) => Promise<Dated<T> | undefined>;

/** An entry as it may be used: served now, or served if the load fails. */
export interface Usable<T> extends Judgement {
  readonly answer?: Dated<T>;
  readonly fallback?: Dated<T>;
}

/** Judges an entry that was read as of `asOf`; if it may be served without waiting for a load, that is reported. */
export function judgeEntry<T>(
  context: Shared,
  { id, times }: LoadCall<T>,
  { entry, left }: FoundEntry<T>,
  { asOf, start }: { readonly asOf: number; readonly start: number },
): Usable<T> {
  const judgement = judge(times, entry, left);
  const { value } = entry;
  if (judgement.stage === "fallback") {
    return { ...judgement, fallback: { value, source: "stale", degraded: true, asOf } };
  }
  if (!isServed(judgement)) return judgement;
  const source = sourceOf(judgement);
  if (context.onEvent) tell(context, source, id, { duration: performance.now() - start });
  return { ...judgement, answer: { value, source, degraded: false, asOf } };
}

/** Ends when all of what goes on has ended, also what was added while it was waited for. */
export async function settleAll(works: readonly Promise<unknown>[]): Promise<void> {
  for (const work of works) await work;
}
