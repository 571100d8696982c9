/** How often the watch looks whether this process had a turn, in milliseconds. */
const tick = 5;

/**
 * Starts to measure how long something takes, in milliseconds, without the time in which this process had no turn: on a busy machine
 * that is nobody's fault. Call the result to stop and read it.
 */
export function stopwatch(): () => number {
  const start = performance.now();
  let last = start;
  let late = 0;
  const look = () => {
    const now = performance.now();
    late += Math.max(0, now - last - 2 * tick);
    last = now;
  };
  const timer = setInterval(look, tick);
  return () => {
    clearInterval(timer);
    look();
    return last - start - late;
  };
}
