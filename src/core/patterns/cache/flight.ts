import { onAbort } from "../../abort.ts";

/** Where a value came from: a fresh entry, an entry past its freshness, or the loader. */
export type CacheSource = "hit" | "stale" | "load";

/** A value from `resolve`, and how it was come by. */
export interface Resolved<T> {
  readonly value: T;
  /** Where the value came from. */
  readonly source: CacheSource;
  /** `true` if Redis or the loader failed on the way, so that this is the best value there was. */
  readonly degraded: boolean;
  /** The work that goes on in the background, such as a refresh or a slow load. It never rejects. Absent if there is none. */
  readonly pending?: Promise<void>;
}

/** An answer that knows its place among the calls of this process. */
export interface DatedAnswer<T> extends Omit<Resolved<T>, "pending"> {
  /** The turn in which the value was read or began to load. */
  readonly asOf: number;
}

/** The flights of one scope, by id. */
export type Flights<T> = Map<string, Flight<DatedAnswer<T> | undefined>>;

/** One claim and, where that is granted, one load, shared by the callers that wait for it. */
export interface Flight<A> {
  /** The turn in which the flight's value was read or began to load; `undefined` before. */
  asOf: number | undefined;
  /** Whether the load has a lease, which an invalidation takes away: then the value is not written. */
  leased: boolean;
  /** An older value, for callers that cannot wait and for a load that fails. */
  fallback: A | undefined;
  /** Whether all callers have left. */
  abandoned: boolean;
  /** Waits for the flight. When the signals of all callers have aborted, so is the flight. Each caller gets a copy of its own. */
  join(signal?: AbortSignal): Promise<A>;
}

/** Starts a flight. It sends nothing before the callers of the same tick could join. */
export function startFlight<A>(
  run: (flight: Flight<A>, signal: AbortSignal) => Promise<A>,
  copies: (outcome: A) => () => A,
): Flight<A> {
  const controller = new AbortController();
  let waiting = 0;
  let copy: (() => A) | undefined;
  const flight: Flight<A> = {
    asOf: undefined,
    leased: false,
    fallback: undefined,
    abandoned: false,
    join(signal) {
      waiting += 1;
      const stay = onAbort(signal, () => {
        waiting -= 1;
        if (waiting > 0) return;
        flight.abandoned = true;
        controller.abort(signal?.reason);
      });
      outcome.then(stay, stay);
      // All copies are made before the first caller can change the value, which is its own.
      return waiting === 1 ? outcome : outcome.then((answer) => (copy ??= copies(answer))());
    },
  };
  const outcome = Promise.resolve().then(() => run(flight, controller.signal));
  // Callers that join see the failure; without any, it must not be an unhandled rejection.
  outcome.catch(() => {});
  return flight;
}

/**
 * Whether a caller that began in turn `began` may share the flight: its value must be read or begin to load after that, or have a lease
 * that an invalidation takes away.
 */
export function isJoinable({ asOf, leased, abandoned }: Flight<unknown>, began: number): boolean {
  return !abandoned && (leased || asOf === undefined || asOf >= began);
}

/** A flight, and where callers find it. */
interface FlightPlace<A> {
  readonly id: string;
  readonly flight: Flight<A>;
  readonly flights: Map<string, Flight<A>>;
}

/** Ends the joining of a flight: callers that come from now on ask Redis. */
export function removeFlight<A>({ id, flight, flights }: FlightPlace<A>): void {
  if (flights.get(id) === flight) flights.delete(id);
}

/** Creates the counter of reads and loads, by which "began after" is known without a clock. */
export function createTurns(): () => number {
  let turns = 0;
  return () => ++turns;
}

/** Creates the places where the callers of one scope, or of the process, find each other's flights. */
export function createBoards<T>(): (scope: object | undefined) => Flights<T> {
  const shared: Flights<T> = new Map();
  const scoped = new WeakMap<object, Flights<T>>();
  return (scope) => {
    if (!scope) return isIsolated() ? new Map() : shared;
    const flights: Flights<T> = scoped.get(scope) ?? new Map();
    scoped.set(scope, flights);
    return flights;
  };
}

/** Whether one request must not wait for the I/O of another here, as in workerd and the runtimes that are built like it. */
function isIsolated(): boolean {
  return "WebSocketPair" in globalThis || "EdgeRuntime" in globalThis;
}
