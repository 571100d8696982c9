import { checkCount, checkDuration } from "../check.ts";

/** A circuit breaker: it keeps a pattern from calling a Redis that is down. */
export interface Breaker {
  /** `true` while Redis is left alone. */
  readonly open: boolean;
  /** Says if a call may go to Redis now. While the breaker is open, one call per `cooldown` may go as a probe. */
  ready(): boolean;
  /** Reports an answer of Redis, which closes the breaker. */
  succeeded(): void;
  /** Reports a failure. After `failures` in a row the breaker opens for `cooldown`. */
  failed(): void;
}

/** Options of a circuit breaker. */
export interface BreakerOptions {
  /**
   * The number of calls in a row that must fail before Redis is left alone.
   * @default 3
   */
  readonly failures?: number;
  /**
   * The time for which Redis is left alone before one call probes it, in milliseconds.
   * @default 1000
   */
  readonly cooldown?: number;
}

/**
 * Creates a circuit breaker (Nygard, "Release It!", 2007). While Redis is down, calls after the first failures cost nothing, and one call
 * per cooldown finds out if Redis is back.
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
