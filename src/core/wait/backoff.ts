/** The growth of the pauses between attempts. */
export interface BackoffOptions {
  /** The first pause, in milliseconds. */
  readonly first: number;
  /** The factor by which each pause is longer than the one before it. */
  readonly factor: number;
  /** The longest pause, in milliseconds. */
  readonly most: number;
}

/**
 * The pause after an attempt, in milliseconds. It grows exponentially, and half of it is random: the "equal jitter" of Brooker,
 * "Exponential Backoff and Jitter", AWS, 2015.
 * @param attempt 0 after the first attempt, 1 after the second.
 */
export function backoff(attempt: number, { first, factor, most }: BackoffOptions): number {
  return jitter(Math.min(most, first * factor ** attempt));
}

/** A random duration between half of `ms` and `ms`, so that callers that failed together do not try again together. */
export function jitter(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}
