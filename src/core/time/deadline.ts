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

/** Calls back once, after `timeout` milliseconds. Returns a function that takes this back. */
export function startDeadline(call: () => void, timeout: number): () => void {
  const timer = startTimer(call, timeout);
  return () => clearTimeout(timer);
}

/**
 * Runs `work` for at most `timeout` milliseconds. The signal that it gets aborts at the deadline, or when the caller's own signal aborts.
 * The returned promise rejects at that moment, even if `work` goes on.
 * @param late Makes the error for the deadline, where the work is not a call to Redis.
 * @throws {TimeoutError} The deadline passed.
 * @throws The caller's reason, if its signal aborted.
 */
export function withDeadline<T>(
  timeout: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
  late?: (timeout: number) => Error,
): Promise<T> {
  const controller = new AbortController();
  const abort = (reason: unknown) => controller.abort(reason);
  return raceDeadline(timeout, signal, () => work(controller.signal), late, abort);
}

/** As `withDeadline`, for work that takes no signal. `onEnd` is called if the wait ends before the work. */
export function raceDeadline<T>(
  timeout: number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  late = (timeout: number): Error => new TimeoutError(timeout),
  onEnd?: (reason: unknown) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const working = work();
    const settle = () => {
      stop();
      stay();
    };
    const end = () => {
      settle();
      const reason: unknown = signal?.aborted ? signal.reason : late(timeout);
      onEnd?.(reason);
      reject(reason);
    };
    const stop = startDeadline(end, timeout);
    const stay = onAbort(signal, end);
    working.then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
    // The work may have aborted the signal while it began.
    if (signal?.aborted) end();
  });
}
