import { onAbort } from "../abort.ts";
import { checkDuration, checkOptions } from "../check.ts";
import { TimeoutError } from "../errors.ts";
import type { SendOptions } from "../port/redis.ts";
import { currentTick } from "./tick.ts";
import { startTimer } from "./timer.ts";

/**
 * The deadline of one call, in milliseconds: the shorter one of the adapter's and the call's own.
 * @throws {OptionError} The options of the call are no object, or their deadline is no duration.
 */
export function effectiveTimeout(timeout: number, options: SendOptions): number {
  const { timeout: own = timeout } = checkOptions(options, "{ timeout: 500 }");
  return Math.min(timeout, checkDuration("timeout", own));
}

/** A timer that is later than this was held up by a blocked process, in milliseconds. */
const blocked = 25;

/**
 * Calls back once, after `timeout` milliseconds. An answer that has arrived comes first: what is in the sockets is read before the deadline
 * is judged, and a process that was blocked gets the time back once, at most the deadline's own length, since reading may take a while.
 * @returns A function that takes the deadline back.
 */
export function startDeadline(call: () => void, timeout: number): () => void {
  const now = performance.now();
  const tick = currentTick();
  if (latest?.tick !== tick || latest.timeout !== timeout || now - latest.start >= 1) {
    latest = new SharedDeadline(tick, timeout, now);
  }
  return latest.join(call);
}

let latest: SharedDeadline | undefined;

/** The deadlines of one length that began in one tick, within a millisecond: one timer. */
class SharedDeadline {
  readonly tick: object;
  readonly timeout: number;
  readonly start: number;
  readonly #calls: ((() => void) | undefined)[] = [];
  #waiting = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tick: object, timeout: number, start: number) {
    this.tick = tick;
    this.timeout = timeout;
    this.start = start;
  }

  join(call: () => void): () => void {
    const place = this.#calls.push(call) - 1;
    this.#waiting += 1;
    this.#timer ??= startTimer(() => this.#fire(), this.timeout);
    return () => {
      if (!this.#calls[place]) return;
      this.#calls[place] = undefined;
      this.#waiting -= 1;
      if (this.#waiting > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  #fire(): void {
    const late = performance.now() - this.start - this.timeout;
    if (late > blocked) this.#timer = startTimer(() => this.#judge(), Math.min(late, this.timeout));
    else this.#judge();
  }

  #judge(): void {
    // The sockets are read between two timers.
    this.#timer = startTimer(() => this.#calls.forEach((call) => call?.()), 0);
  }
}

/** What a deadline may be told. */
export interface DeadlineOptions {
  /** Makes the error for the deadline, where the work is not a call to Redis. */
  readonly late?: ((timeout: number) => Error) | undefined;
  /** Called if the wait ends before the work. */
  readonly onEnd?: ((reason: unknown) => void) | undefined;
  /** Called when half of the time is over. */
  readonly halfway?: (() => void) | undefined;
}

/**
 * Runs `work` for at most `timeout` milliseconds. The signal that it gets aborts at the deadline, or when the caller's own signal aborts.
 * The returned promise rejects at that moment, even if `work` goes on.
 * @throws {TimeoutError} The deadline passed.
 * @throws The caller's reason, if its signal aborted.
 */
export function withDeadline<T>(
  timeout: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
  late?: DeadlineOptions["late"],
): Promise<T> {
  const controller = new AbortController();
  const onEnd = (reason: unknown) => controller.abort(reason);
  return raceDeadline(timeout, signal, () => work(controller.signal), { late, onEnd });
}

/** As `withDeadline`, for work that takes no signal. */
export function raceDeadline<T>(
  timeout: number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  options?: DeadlineOptions,
): Promise<T> {
  return new Promise<T>((resolve, reject) => startRace(timeout, signal, { ...options, work, resolve, reject }));
}

/** What is called where a promise more would cost too much. */
export interface Race<T> extends DeadlineOptions {
  /** May end the race before the work does: it is given `reject`. */
  readonly work: (fail: (reason: unknown) => void) => Promise<T>;
  /** One of these two is called once. */
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** As `raceDeadline`, and calls back. It throws what `work` throws at once. */
export function startRace<T>(timeout: number, signal: AbortSignal | undefined, race: Race<T>): void {
  if (signal?.aborted) return race.reject(signal.reason);
  const { late = toTimeoutError, onEnd, halfway } = race;
  let over = false;
  let stop: (() => void) | undefined = undefined;
  let stay: (() => void) | undefined = undefined;
  /** Whether this is the first of the ends. */
  const settle = () => {
    if (over) return false;
    over = true;
    stop?.();
    stay?.();
    return true;
  };
  const fail = (reason: unknown) => {
    if (settle()) race.reject(reason);
  };
  const end = () => {
    const reason: unknown = signal?.aborted ? signal.reason : late(timeout);
    if (!settle()) return;
    onEnd?.(reason);
    race.reject(reason);
  };
  const pass = () => {
    stop = startDeadline(end, timeout / 2);
    halfway?.();
  };
  const working = race.work(fail);
  stop = halfway ? startDeadline(pass, timeout / 2) : startDeadline(end, timeout);
  stay = signal && onAbort(signal, end);
  working.then((value) => {
    if (settle()) race.resolve(value);
  }, fail);
  // The work may have aborted the signal while it began.
  if (signal?.aborted) end();
}

function toTimeoutError(timeout: number): Error {
  return new TimeoutError(timeout);
}
