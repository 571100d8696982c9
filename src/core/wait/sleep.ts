/**
 * Waits `ms` milliseconds.
 * @throws The signal's reason, as soon as it aborts.
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** @returns A random duration between half of `ms` and `ms`, so that waiters who began together do not return together. */
export function jitter(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}
