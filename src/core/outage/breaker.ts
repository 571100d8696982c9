import { checkCount, checkDuration } from "../check.ts";
import { ConnectionError } from "../errors.ts";
import { failureOf, isReplyError } from "../failure.ts";

/** A circuit breaker: it keeps a pattern from calling a Redis that is down. */
export interface Breaker {
  /** `true` while Redis is left alone. */
  readonly open: boolean;
  /** Says if a call may go to Redis now. While the breaker is open, one call per `cooldown` may go as a probe. */
  ready(): boolean;
  /** Reports an answer of Redis, which closes the breaker. */
  succeeded(): void;
  /** Reports a failure. After `failures` outages in a row the breaker opens for `cooldown`; a refusal is an answer, and closes it. */
  failed(error: unknown): void;
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
    failed(error) {
      if (failureOf(error) !== "mistake") {
        failuresInARow += 1;
        probeAt = performance.now() + cooldown;
      } else if (isReplyError(error)) failuresInARow = 0;
    },
  };
}

/**
 * Makes a call to Redis and lets the breaker know its outcome. An abort is the caller's own and says nothing about Redis.
 * @throws What went wrong.
 */
export async function trip<T>(breaker: Breaker, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
  try {
    const reply = await call();
    breaker.succeeded();
    return reply;
  } catch (error) {
    if (!signal?.aborted) breaker.failed(error);
    throw error;
  }
}

/**
 * As `trip`, and does not call at all while the breaker is open.
 * @throws {ConnectionError} Redis is left alone.
 */
export function tripIfReady<T>(breaker: Breaker, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  if (breaker.ready()) return trip(breaker, signal, call);
  return Promise.reject(leftAlone());
}

/** The error for a call that does not go to Redis, since the breaker is open. */
export function leftAlone(): ConnectionError {
  return new ConnectionError("Redis failed a moment ago and is left alone", false);
}
