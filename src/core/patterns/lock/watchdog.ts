import { checkDuration } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { LockLostError } from "./errors.ts";
import { jitter } from "../../wait/backoff.ts";
import type { Lease, Watchdog } from "./lease.ts";
import { startBackgroundTimer } from "../../time/timer.ts";

/** Options of a watchdog. */
export interface WatchdogOptions {
  /**
   * How often a lease is extended, in milliseconds; at least twice in its `ttl`.
   * @default a third of the lease's `ttl`, so that two extensions may fail before it is lost
   */
  readonly every?: number | undefined;
  /**
   * For how long leases are extended, in milliseconds; `Infinity` for ever. After that a lease lasts for its `ttl` and is lost: a body
   * that hangs does not hold the lock for good.
   * @default 3600000, an hour
   */
  readonly maxHold?: number | undefined;
}

interface Guarded {
  readonly lease: Lease;
  readonly every: number;
  readonly until: number;
  readonly onError: (error: unknown) => void;
  due: number;
}

/**
 * Extends leases while their holders work. A failed extension is tried again until the deadline of the lease; the lease's signal
 * says when that was in vain. Leases that share a watchdog are extended in the same turn, which is one request over REST and one
 * write over TCP. In a Worker, make one per request, since requests must not share a timer; on Lambda, which freezes between
 * requests, leave it out and choose a `ttl` that covers the work.
 * @throws {OptionError} An option can never work.
 * @example
 * const locks = createLock(redis, { ttl: seconds(10), watchdog: watchdog({ maxHold: minutes(5) }) });
 */
export function watchdog({ every, maxHold = 3_600_000 }: WatchdogOptions = {}): Watchdog {
  if (every !== undefined) checkDuration("every", every);
  if (maxHold !== Infinity) checkDuration("maxHold", maxHold);
  const guarded = new Set<Guarded>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const plan = () => {
    clearTimeout(timer);
    if (guarded.size === 0) return;
    const next = Math.min(...Array.from(guarded, ({ due }) => due));
    timer = startBackgroundTimer(tick, Math.max(0, next - performance.now()));
  };
  const tick = () => {
    const now = performance.now();
    for (const item of guarded) {
      if (now >= item.until) guarded.delete(item);
      // Whoever is due within a fourth of its period comes along, so that leases fall into step.
      else if (item.due - item.every / 4 <= now) void prolong(item).then(plan);
    }
    plan();
  };
  return {
    guard(lease, ttl, onError) {
      const start = performance.now();
      const period = Math.min(every ?? ttl / 3, ttl / 2);
      const item = { lease, every: period, until: start + maxHold, onError, due: start + period };
      guarded.add(item);
      plan();
      return () => {
        guarded.delete(item);
        plan();
      };
    },
  };
}

/** One extension; it never rejects, and leaves `due` at the time of the next one. */
async function prolong(item: Guarded): Promise<void> {
  const { lease, every, onError } = item;
  item.due = Infinity;
  const start = performance.now();
  try {
    // An answer that takes longer is given up, so that the next attempt does not wait for it.
    await lease.extend({ signal: AbortSignal.timeout(Math.ceil(every)) });
    item.due = start + every;
  } catch (error) {
    item.due = performance.now() + jitter(every / 4);
    // A lost lease reports itself, and one that was released meanwhile is no failure.
    if (!(error instanceof LockLostError || error instanceof OptionError)) onError(error);
  }
}
