import { type Call, type Shared, tell } from "../context.ts";
import type { Dated, Flight, Flights } from "../flight.ts";
import { isServed, type Judgement, sourceOf, type Times } from "../freshness.ts";

/** Computes the value of a key. `signal` aborts when nobody waits for it any more, or when it took longer than `hardTimeout`. */
export type Load<T> = (context: { readonly signal: AbortSignal }) => T | Promise<T>;

/** One call of `getOrSet`, on its way. */
export interface Job<T> extends Call {
  readonly load: Load<T>;
  readonly times: Times;
  readonly flights: Flights<T>;
  /** Whether this call knows already that Redis does not answer. */
  readonly down: boolean;
  /** Takes what goes on after the call has answered. */
  readonly later: (work: Promise<unknown>) => void;
}

/** What happens inside a flight. It returns nothing if its answer suits nobody: whoever joined asks again. */
export type Run<T> = (part: Part<T>) => Promise<Dated<T> | undefined>;

/** A job inside its flight: the signal is the flight's. */
export interface Part<T> extends Job<T> {
  readonly signal: AbortSignal;
  readonly flight: Flight<Dated<T> | undefined>;
  /** Goes on in the background, in a flight of its own. */
  readonly spawn: (run: Run<T>) => void;
}

/** An entry as an answer, if it may be served without waiting for a load. */
export function served<T>(
  x: Shared,
  { id }: Call,
  judgement: Judgement,
  { value, asOf, start }: { readonly value: T; readonly asOf: number; readonly start: number },
): Dated<T> | undefined {
  if (!isServed(judgement)) return undefined;
  const source = sourceOf(judgement);
  if (x.onEvent) tell(x, source, id, { duration: performance.now() - start });
  return { value, source, degraded: false, asOf };
}
