import { TimeoutError } from "../errors.ts";

/** Waits for work as long as the deadline allows, and makes something of its outcome. */
export type Patience = <R, S>(
  work: Promise<R>,
  kept: (reply: R) => S | Promise<S>,
  lost: (error: unknown) => S | Promise<S>,
) => Promise<S>;

/**
 * One deadline for many pieces of work: since all have the same time, those that began first end first, and one timer does for all. A
 * timer for each would cost a hit as much as the hit itself. The work is not told that nobody waits any more: for reads only.
 */
export function createPatience(timeout: number): Patience {
  const line: Line = {};
  let ticking = false;
  const tick = () => {
    const now = performance.now();
    for (let wait = line.first; wait && wait.until <= now; wait = line.first) wait.end(new TimeoutError(timeout));
    ticking = line.first !== undefined;
    if (line.first) background(setTimeout(tick, line.first.until - now));
  };
  return (work, kept, lost) =>
    new Promise((resolve, reject) => {
      // What comes after the deadline is nobody's any more.
      const end = (error: unknown) => {
        if (!leave(line, wait)) return;
        try {
          resolve(lost(error));
        } catch (thrown) {
          reject(thrown);
        }
      };
      const wait: Wait = { until: performance.now() + timeout, end, waits: true, before: line.last, after: undefined };
      enter(line, wait);
      if (!ticking) background(setTimeout(tick, timeout));
      ticking = true;
      work.then((reply) => {
        if (leave(line, wait)) resolve(kept(reply));
      }, end);
    });
}

/**
 * Those who wait, in the order of their ends. Whoever has left knows nobody any more: a Set leaves the tables that it outgrows chained to
 * each other, so that all that was ever in them stays until a full collection.
 */
interface Line {
  first?: Wait | undefined;
  last?: Wait | undefined;
}

interface Wait {
  readonly until: number;
  readonly end: (error: unknown) => void;
  waits: boolean;
  before: Wait | undefined;
  after: Wait | undefined;
}

function enter(line: Line, wait: Wait): void {
  if (line.last) line.last.after = wait;
  else line.first = wait;
  line.last = wait;
}

/** Answers whether it has waited until now. */
function leave(line: Line, wait: Wait): boolean {
  const { waits, before, after } = wait;
  if (!waits) return false;
  if (before) before.after = after;
  else line.first = after;
  if (after) after.before = before;
  else line.last = before;
  wait.waits = false;
  wait.before = wait.after = undefined;
  return true;
}

/**
 * A timer that holds no process up: who waits for Redis has a connection that does. It is not cleared when nobody waits any more, which
 * would cost each hit as much again.
 */
function background(timer: number | { unref?(): unknown }): void {
  if (typeof timer === "object") timer.unref?.();
}
