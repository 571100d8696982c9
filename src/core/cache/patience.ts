import { TimeoutError } from "../errors.ts";

/** Waits for work as long as the deadline allows. */
export type Patience = <R>(work: Promise<R>) => Promise<R>;

interface Wait {
  readonly until: number;
  readonly end: () => void;
  done: boolean;
}

/**
 * One deadline for many pieces of work: since all have the same time, those that began first end first, and one timer does for all. A
 * timer for each would cost a hit as much as the hit itself. The work is not told that nobody waits any more: for reads only.
 */
export function createPatience(timeout: number): Patience {
  const clock = createClock(timeout);
  return (work) =>
    new Promise((resolve, reject) => {
      const wait = clock.begin(() => reject(new TimeoutError(timeout)));
      work.then(
        (reply) => {
          clock.end(wait);
          resolve(reply);
        },
        (error: unknown) => {
          clock.end(wait);
          reject(error);
        },
      );
    });
}

function createClock(timeout: number) {
  let waits: Wait[] = [];
  let pending = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const check = () => {
    const now = performance.now();
    for (const { done, until, end } of waits) if (!done && until <= now) end();
    waits = waits.filter(({ done, until }) => !done && until > now);
    const [next] = waits;
    timer = next && setTimeout(check, next.until - now);
  };
  return {
    begin(end: () => void): Wait {
      const wait = { until: performance.now() + timeout, end, done: false };
      waits.push(wait);
      pending += 1;
      timer ??= setTimeout(check, timeout);
      return wait;
    },
    end(wait: Wait) {
      wait.done = true;
      pending -= 1;
      if (pending > 0) return;
      clearTimeout(timer);
      timer = undefined;
      waits = [];
    },
  };
}
