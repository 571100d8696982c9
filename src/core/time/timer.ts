/** The longest delay that a timer keeps, in milliseconds; a longer one would fire at once. */
const longest = 2 ** 31 - 1;

/**
 * Calls back after `ms`, or after 24 days if that is sooner. It lets a process end although it holds a lock; a Worker's timers are
 * numbers and keep nothing alive.
 */
export function alarm(call: () => void, ms: number): ReturnType<typeof setTimeout> {
  return background(setTimeout(call, Math.min(Math.ceil(ms), longest)));
}

function background<T extends number | { unref?(): unknown }>(timer: T): T {
  if (typeof timer === "object") timer.unref?.();
  return timer;
}
