/** The longest delay that a timer keeps, in milliseconds: 24.8 days. A longer one would fire at once, for it is held in 32 bits. */
export const longestDelay = 2 ** 31 - 1;

/** Calls back once after `ms` milliseconds, or after `longestDelay` if that is sooner. `clearTimeout` ends it. */
export function startTimer(call: () => void, ms: number): ReturnType<typeof setTimeout> {
  return setTimeout(call, Math.min(ms, longestDelay));
}

/** A timer that lets a Node process end before it fires; a Worker's timers keep nothing alive anyway. */
export function startBackgroundTimer(call: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = startTimer(call, ms);
  unref(timer);
  return timer;
}

/** In Node a timer is an object, elsewhere a number. */
function unref(timer: number | { unref?(): unknown }): void {
  if (typeof timer === "object") timer.unref?.();
}
