import { onAbort } from "../abort.ts";
import { checkDuration, checkOptions } from "../check.ts";
import { TimeoutError } from "../errors.ts";
import type { SendOptions } from "../port/redis.ts";
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
  const due = performance.now() + timeout;
  const judge = () => {
    // The sockets are read between two timers.
    timer = startTimer(call, 0);
  };
  const fire = () => {
    const late = performance.now() - due;
    if (late > blocked) timer = startTimer(judge, Math.min(late, timeout));
    else judge();
  };
  let timer = startTimer(fire, timeout);
  return () => clearTimeout(timer);
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

/** As `withDeadline`, for work that takes no signal. It may fail before its promise does, by the function that it gets. */
export function raceDeadline<T>(
  timeout: number,
  signal: AbortSignal | undefined,
  work: (fail: (error: unknown) => void) => Promise<T>,
  { late = toTimeoutError, onEnd, halfway }: DeadlineOptions = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const settle = () => {
      stop();
      stay();
    };
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const working = work(fail);
    const end = () => {
      settle();
      const reason: unknown = signal?.aborted ? signal.reason : late(timeout);
      onEnd?.(reason);
      reject(reason);
    };
    const pass = () => {
      stop = startDeadline(end, timeout / 2);
      halfway?.();
    };
    let stop = halfway ? startDeadline(pass, timeout / 2) : startDeadline(end, timeout);
    const stay = onAbort(signal, end);
    working.then((value) => {
      settle();
      resolve(value);
    }, fail);
    // The work may have aborted the signal while it began.
    if (signal?.aborted) end();
  });
}

function toTimeoutError(timeout: number): Error {
  return new TimeoutError(timeout);
}
