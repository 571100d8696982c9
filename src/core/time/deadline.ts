import { TimeoutError } from "../errors.ts";
import type { SendOptions } from "../port/redis.ts";
import { longestDelay } from "./timer.ts";

/** The deadline of one call: the adapter's, or the call's own where that is shorter. */
export function effectiveTimeout(timeout: number, { timeout: own = timeout }: SendOptions): number {
  return Math.min(timeout, own);
}

/**
 * Runs `work` for at most `timeout` milliseconds. The signal given to it aborts when the deadline passes or when the caller's own
 * signal aborts, and the returned promise rejects at that moment, whether or not `work` heeds the signal.
 * @throws {TimeoutError} The deadline passed; or what `late` makes of it, where not Redis is waited for.
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

/** `withDeadline` for work that cannot be told to stop: it saves the signal. `onEnd` is called if the wait ends before the work. */
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
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
    };
    const end = () => {
      settle();
      const reason: unknown = signal?.aborted ? signal.reason : late(timeout);
      onEnd?.(reason);
      reject(reason);
    };
    const timer = setTimeout(end, Math.min(timeout, longestDelay));
    signal?.addEventListener("abort", end);
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
    // The work may have aborted it while it began.
    if (signal?.aborted) end();
  });
}
