/** Where a value came from: an entry that is fresh, an entry that is not, or the loader. */
export type Source = "hit" | "stale" | "load";

/** A value and how it was come by. */
export interface Answer<T> {
  readonly value: T;
  readonly source: Source;
  /** Whether Redis or the loader failed on the way, so that the value is the best there was. */
  readonly degraded: boolean;
}

/** What `resolve` answers. */
export interface Resolved<T> extends Answer<T> {
  /** What goes on in the background: a refresh, a slow load. It never rejects. Absent if there is nothing. */
  readonly pending?: Promise<void>;
}

/** An answer that knows its place among the calls of this process. */
export interface Dated<T> extends Answer<T> {
  readonly asOf: number;
}

/** The flights of one scope, by id. */
export type Flights<T> = Map<string, Flight<Dated<T> | undefined>>;

/** One claim and, if it comes to that, one load, shared by the callers who wait for it. */
export interface Flight<A> {
  /** When what the flight returns was read or began to load, in turns; not known before. */
  asOf: number | undefined;
  /** Whether a lease will tell if the value is still good when it has been loaded. */
  leased: boolean;
  /** An older value, for those who cannot wait or whose load fails. */
  fallback: A | undefined;
  /** Whether everyone who waited has left. */
  abandoned: boolean;
  /**
   * Waits for the flight. When everyone who waited has left, the flight is aborted.
   * @throws The signal's reason, as soon as it aborts.
   */
  join(signal?: AbortSignal): Promise<A>;
}

/** Starts a flight. It sends nothing before the callers of the same tick could join. */
export function startFlight<A>(run: (flight: Flight<A>, signal: AbortSignal) => Promise<A>): Flight<A> {
  const controller = new AbortController();
  let waiting = 0;
  const flight: Flight<A> = {
    asOf: undefined,
    leased: false,
    fallback: undefined,
    abandoned: false,
    join(signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      waiting += 1;
      if (!signal) return landing;
      return leaving(landing, signal, () => {
        waiting -= 1;
        if (waiting > 0) return;
        flight.abandoned = true;
        controller.abort(signal.reason);
      });
    },
  };
  const landing = Promise.resolve().then(() => run(flight, controller.signal));
  // Those who join see the failure; the flight itself has nobody to tell.
  landing.catch(() => {});
  return flight;
}

/**
 * Whether a caller that began at `began` may share the flight: what it returns must have been read or have begun to load after that,
 * or be leased by a lease that an invalidation takes away.
 */
export function isJoinable({ asOf, leased, abandoned }: Flight<unknown>, began: number): boolean {
  return !abandoned && (leased || asOf === undefined || asOf >= began);
}

/** Takes a flight off the board: whoever comes from now on asks Redis. */
export function removeFlight<A>({
  id,
  flight,
  flights,
}: {
  readonly id: string;
  readonly flight: Flight<A>;
  readonly flights: Map<string, Flight<A>>;
}): void {
  if (flights.get(id) === flight) flights.delete(id);
}

/** Counts reads and loads, so that "began after" is known without a clock. */
export function createTurns(): () => number {
  let turns = 0;
  return () => ++turns;
}

/** Finds the flights of a scope, or those of the process. */
export function createBoards<T>(): (scope: object | undefined) => Flights<T> {
  const shared: Flights<T> = new Map();
  const scoped = new WeakMap<object, Flights<T>>();
  return (scope) => {
    if (!scope) return isolated() ? new Map() : shared;
    const flights: Flights<T> = scoped.get(scope) ?? new Map();
    scoped.set(scope, flights);
    return flights;
  };
}

/** Whether this runs where one request must not wait for another's I/O: workerd, and what is built like it. */
function isolated(): boolean {
  return "WebSocketPair" in globalThis || "EdgeRuntime" in globalThis;
}

function leaving<A>(landing: Promise<A>, signal: AbortSignal, leave: () => void): Promise<A> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      leave();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    landing.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
