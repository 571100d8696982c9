import { TimeoutError } from "../errors.ts";

/** Waits for work as long as the deadline allows, and makes something of its outcome. */
export type Patience = <R, S>(work: Promise<R>, kept: (reply: R) => S, lost: (error: unknown) => S) => Promise<S>;

interface Wait {
  readonly until: number;
  readonly end: (error: unknown) => void;
  before: Wait | undefined;
  after: Wait | undefined;
}

/**
 * One deadline for many pieces of work: since all have the same time, those that began first end first, and one timer does for all. A
 * timer for each would cost a hit as much as the hit itself. The work is not told that nobody waits any more: for reads only.
 */
export function createPatience(timeout: number): Patience {
  const waits = createWaits(timeout);
  return (work, kept, lost) =>
    new Promise((resolve, reject) => {
      const end = (error: unknown) => {
        waits.remove(wait);
        try {
          resolve(lost(error));
        } catch (thrown) {
          reject(thrown);
        }
      };
      const wait = waits.add(end);
      work.then((reply) => {
        waits.remove(wait);
        resolve(kept(reply));
      }, end);
    });
}

/** Waits in the order of their ends, linked, so that one that is over leaves at once and nothing of it stays. */
function createWaits(timeout: number) {
  let first: Wait | undefined;
  let last: Wait | undefined;
  let ticking = false;
  const tick = () => {
    const now = performance.now();
    for (let wait = first; wait && wait.until <= now; wait = first) wait.end(new TimeoutError(timeout));
    ticking = first !== undefined;
    if (first) start(first.until - now);
  };
  // It holds no process up: who waits for Redis has a connection that does. It is not cleared, which would cost each hit as much again.
  const start = (ms: number) => {
    const timer: unknown = setTimeout(tick, ms);
    if (isHolding(timer)) timer.unref();
  };
  return {
    add(end: Wait["end"]): Wait {
      const wait: Wait = { until: performance.now() + timeout, end, before: last, after: undefined };
      if (last) last.after = wait;
      else first = wait;
      last = wait;
      if (!ticking) start(timeout);
      ticking = true;
      return wait;
    },
    remove(wait: Wait) {
      if (wait !== first && !wait.before) return;
      if (wait.before) wait.before.after = wait.after;
      else first = wait.after;
      if (wait.after) wait.after.before = wait.before;
      else last = wait.before;
      wait.before = wait.after = undefined;
    },
  };
}

/** Whether the timer holds the process up, as those of Node do. */
function isHolding(timer: unknown): timer is { unref(): void } {
  return typeof timer === "object" && timer !== null && "unref" in timer;
}
