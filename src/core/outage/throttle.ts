import { onAbort } from "../abort.ts";

/** Limits how many pieces of work run at once. The others wait for their turn. */
export interface Throttle {
  /** @throws The signal's reason, if it aborts before the work's turn has come. */
  run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export function createThrottle(limit: number): Throttle {
  const queue: (() => void)[] = [];
  let running = 0;
  return {
    async run(signal, work) {
      if (running >= limit) await waitForTurn(queue, signal);
      else running += 1;
      try {
        return await work();
      } finally {
        // The next piece of work in the queue takes the place.
        const next = queue.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}

function waitForTurn(queue: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stay = onAbort(signal, () => {
      queue.splice(queue.indexOf(enter), 1);
      reject(signal.reason);
    });
    const enter = () => {
      stay();
      resolve();
    };
    queue.push(enter);
  });
}
