import { TimeoutError } from "./errors.ts";

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
  late: (timeout: number) => Error = (timeout) => new TimeoutError(timeout),
): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const end = (reason: unknown) => {
      controller.abort(reason);
      reject(reason);
    };
    const leave = () => end(signal?.reason);
    const timer = setTimeout(() => end(late(timeout)), timeout);
    signal?.addEventListener("abort", leave, { once: true });
    new Promise<T>((start) => start(work(controller.signal))).then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", leave);
    });
  });
}
