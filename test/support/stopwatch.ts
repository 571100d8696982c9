/** How often the watch looks whether this process had a turn, in milliseconds. */
const tick = 5;

/** Adds up for how long this process had no turn. */
export interface MachineWatch {
  /** The time so far, in milliseconds. */
  late(): number;
  stop(): void;
}

export function watchMachine(): MachineWatch {
  let last = performance.now();
  let late = 0;
  const look = () => {
    const now = performance.now();
    late += Math.max(0, now - last - 2 * tick);
    last = now;
  };
  const timer = setInterval(look, tick);
  return {
    late() {
      look();
      return late;
    },
    stop: () => clearInterval(timer),
  };
}

/**
 * Starts to measure how long something takes, in milliseconds, without the time in which this process had no turn: on a busy machine
 * that is nobody's fault. Call the result to stop and read it.
 */
export function stopwatch(): () => number {
  const start = performance.now();
  const watch = watchMachine();
  return () => {
    watch.stop();
    return performance.now() - start - watch.late();
  };
}

/** Does again what needs a machine that gives this process its turns, until one attempt was not late; five times at most. */
export async function calmly<T>(attempt: () => Promise<T>, tolerance = 50, attempts = 5): Promise<T> {
  const watch = watchMachine();
  const result = await attempt();
  watch.stop();
  return watch.late() <= tolerance || attempts === 1 ? result : calmly(attempt, tolerance, attempts - 1);
}
