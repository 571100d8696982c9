/** How pauses between attempts grow. */
export interface BackoffOptions {
  /** The first pause, in milliseconds. */
  readonly first: number;
  /** How many times longer each next pause is. */
  readonly factor: number;
  /** The longest pause, in milliseconds. */
  readonly most: number;
}

/**
 * The pause after an attempt, in milliseconds: it grows exponentially and is jittered by half (the "equal jitter" of Brooker,
 * "Exponential Backoff and Jitter", AWS, 2015).
 * @param attempt 0 after the first attempt, 1 after the second.
 */
export function backoff(attempt: number, { first, factor, most }: BackoffOptions): number {
  return jitter(Math.min(most, first * factor ** attempt));
}

/** A random duration between half of `ms` and `ms`, so that waiters who began together do not return together. */
export function jitter(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}
