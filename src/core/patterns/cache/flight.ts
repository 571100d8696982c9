/** One claim and, if it comes to that, one load, shared by the callers who wait for it. */
export interface Flight<A> {
  /** When what the flight returns was read or began to load, in turns; not known before. */
  asOf: number | undefined;
  /** Whether a lease will tell if the value is still good when it has been loaded. */
  guarded: boolean;
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
    guarded: false,
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
 * or be guarded by a lease that an invalidation takes away.
 */
export function isJoinable({ asOf, guarded, abandoned }: Flight<unknown>, began: number): boolean {
  return !abandoned && (guarded || asOf === undefined || asOf >= began);
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
