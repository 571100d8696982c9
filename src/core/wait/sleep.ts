import { onAbort } from "../abort.ts";
import { startTimer } from "../time/timer.ts";

/**
 * Waits `ms` milliseconds.
 * @throws The signal's reason, as soon as it aborts.
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stay = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal?.reason);
    });
    const timer = startTimer(() => {
      stay();
      resolve();
    }, ms);
  });
}
