/**
 * Whether a signal aborts before a timer of this process rings that is set for `at`, by `performance.now()`. Timers ring in the order of
 * their times: a busy machine makes both late, and changes nothing here.
 */
export function abortsBefore(at: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), at - performance.now());
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
