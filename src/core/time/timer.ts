/** The longest delay of a timer, in milliseconds: 24.8 days. It is held in 32 bits; a timer with a longer one fires at once. */
export const longestDelay = 2 ** 31 - 1;

/** Calls back once, after `ms` milliseconds or after `longestDelay` if that is shorter. `clearTimeout` ends the timer. */
export function startTimer(call: () => void, ms: number): ReturnType<typeof setTimeout> {
  return setTimeout(call, Math.min(ms, longestDelay));
}

/** Starts a timer that does not keep a Node process alive. In a Worker no timer does. */
export function startBackgroundTimer(call: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer = startTimer(call, ms);
  unref(timer);
  return timer;
}

/** In Node a timer is an object, elsewhere a number. */
function unref(timer: number | { unref?(): unknown }): void {
  if (typeof timer === "object") timer.unref?.();
}
