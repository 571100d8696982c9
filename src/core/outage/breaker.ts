import { checkCount, checkDuration } from "../check.ts";

/** What stands between a pattern and a Redis that is down. */
export interface Breaker {
  /** Whether Redis is being left alone. */
  readonly open: boolean;
  /** Whether a call may go to Redis now. While open, one call per `cooldown` may: it is the probe. */
  ready(): boolean;
  /** Redis answered: the breaker closes. */
  succeeded(): void;
  /** Redis failed: after `failures` in a row the breaker opens for `cooldown`. */
  failed(): void;
}

/** When a breaker opens, and for how long. */
export interface BreakerOptions {
  /**
   * How many calls in a row must fail before Redis is left alone.
   * @default 3
   */
  readonly failures?: number;
  /**
   * How long Redis is left alone before one call probes it, in milliseconds.
   * @default 1000
   */
  readonly cooldown?: number;
}

/**
 * A half-open circuit breaker: while Redis is down, calls cost nothing after the first failures, and one call per cooldown finds
 * out whether it is back (Nygard, "Release It!", 2007).
 */
export function createBreaker({ failures = 3, cooldown = 1_000 }: BreakerOptions = {}): Breaker {
  checkCount("breaker.failures", failures);
  checkDuration("breaker.cooldown", cooldown);
  let failuresInARow = 0;
  let probeAt = 0;
  return {
    get open() {
      return failuresInARow >= failures;
    },
    ready() {
      if (failuresInARow < failures) return true;
      const now = performance.now();
      if (now < probeAt) return false;
      probeAt = now + cooldown;
      return true;
    },
    succeeded() {
      failuresInARow = 0;
    },
    failed() {
      failuresInARow += 1;
      probeAt = performance.now() + cooldown;
    },
  };
}
