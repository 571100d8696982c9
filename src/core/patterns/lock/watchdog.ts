import { checkDuration, checkOptions } from "../../check.ts";
import { codeOf } from "../../failure.ts";
import { longestDelay, startBackgroundTimer } from "../../time/timer.ts";
import { jitter } from "../../wait/backoff.ts";
import type { Lease, Watchdog } from "./lease.ts";

/** Options of a watchdog. */
export interface WatchdogOptions {
  /**
   * The time between two extensions of a lease, in milliseconds. More than half of its `ttl` counts as half.
   * @default a third of the lease's `ttl`, so that two extensions may time out before it is lost
   */
  readonly every?: number | undefined;
  /**
   * The time after which a lease is no longer extended, in milliseconds from its grant. It then ends within its `ttl`, so that work that
   * hangs does not hold the lock for good. `Infinity` sets no limit.
   * @default 3600000, an hour
   */
  readonly maxHold?: number | undefined;
}

interface Watched {
  readonly lease: Lease;
  readonly every: number;
  readonly stopAt: number;
  readonly onError: (error: unknown) => void;
  dueAt: number;
}

/**
 * Extends leases while their holders work. A failed extension is reported as an event and tried again until the deadline of the lease;
 * if none succeeds, the lease's signal aborts. Leases that share a watchdog are extended together, by one request over REST or one
 * write over TCP, where they are due at about the same time. In a Worker, make one per request, since requests must not share a timer;
 * on Lambda, which freezes between requests, leave it out and choose a `ttl` that covers the work.
 * @throws {OptionError} An option can never work.
 * @example
 * const locks = createLock(redis, { prefix: "job", ttl: seconds(10), watchdog: watchdog({ maxHold: minutes(5) }) });
 */
export function watchdog(options: WatchdogOptions = {}): Watchdog {
  const { every, maxHold = 3_600_000 } = checkOptions(options, "{ maxHold: 60000 }");
  if (every !== undefined) checkDuration("every", every);
  if (maxHold !== Infinity) checkDuration("maxHold", maxHold);
  const watched = new Set<Watched>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const schedule = () => {
    clearTimeout(timer);
    if (watched.size === 0) return;
    const next = Math.min(...Array.from(watched, ({ dueAt }) => dueAt));
    timer = startBackgroundTimer(extendDue, Math.max(0, next - performance.now()));
  };
  const extendDue = () => {
    const now = performance.now();
    for (const item of watched) {
      if (now >= item.stopAt) watched.delete(item);
      // Those that are due within a fourth of their period are extended, too, so that they are extended together from then on.
      else if (item.dueAt - item.every / 4 <= now) void extendWatched(item).then(schedule);
    }
    schedule();
  };
  return {
    watch(lease, ttl, onError) {
      const start = performance.now();
      const period = Math.min(every ?? ttl / 3, ttl / 2);
      const item = { lease, every: period, stopAt: start + maxHold, onError, dueAt: start + period };
      watched.add(item);
      schedule();
      return () => {
        watched.delete(item);
        schedule();
      };
    },
  };
}

/** Extends once. It never rejects, and leaves `dueAt` at the time of the next extension. */
async function extendWatched(item: Watched): Promise<void> {
  const { lease, every, onError } = item;
  // Not due while it is under way.
  item.dueAt = Infinity;
  const start = performance.now();
  try {
    // An answer that takes longer is not waited for, so that it cannot hold up the next attempt.
    await lease.extend({ signal: AbortSignal.timeout(Math.min(Math.ceil(every), longestDelay)) });
    item.dueAt = start + every;
  } catch (error) {
    item.dueAt = performance.now() + jitter(every / 4);
    // A lost lease reports itself. An option error says that the lease was released meanwhile, which is no failure.
    if (!/^(LOCK_LOST|OPTION)$/.test(codeOf(error))) onError(error);
  }
}
