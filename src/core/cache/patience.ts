import { TimeoutError } from "../errors.ts";

/** Waits for work as long as the deadline allows, and makes something of its outcome. */
export type Patience = <R, S>(work: Promise<R>, kept: (reply: R) => S, lost: (error: unknown) => S) => Promise<S>;

interface Wait {
  readonly until: number;
  readonly end: (error: unknown) => void;
}

/**
 * One deadline for many pieces of work: since all have the same time, those that began first end first, and one timer does for all. A
 * timer for each would cost a hit as much as the hit itself. The work is not told that nobody waits any more: for reads only.
 */
export function createPatience(timeout: number): Patience {
  // In the order of their ends. One that is over leaves at once, and nothing of it stays.
  const waits = new Set<Wait>();
  let ticking = false;
  const tick = () => {
    const now = performance.now();
    ticking = false;
    for (const { until, end } of waits) {
      if (until > now) return start(until - now);
      end(new TimeoutError(timeout));
    }
  };
  const start = (ms: number) => {
    ticking = true;
    background(setTimeout(tick, ms));
  };
  return (work, kept, lost) =>
    new Promise((resolve, reject) => {
      // What comes after the deadline is nobody's any more.
      const end = (error: unknown) => {
        if (!waits.delete(wait)) return;
        try {
          resolve(lost(error));
        } catch (thrown) {
          reject(thrown);
        }
      };
      const wait: Wait = { until: performance.now() + timeout, end };
      waits.add(wait);
      if (!ticking) start(timeout);
      work.then((reply) => {
        if (waits.delete(wait)) resolve(kept(reply));
      }, end);
    });
}

/**
 * A timer that holds no process up: who waits for Redis has a connection that does. It is not cleared when nobody waits any more, which
 * would cost each hit as much again.
 */
function background(timer: number | { unref?(): unknown }): void {
  if (typeof timer === "object") timer.unref?.();
}
