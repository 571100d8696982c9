/** What Redis granted. */
export interface Grant {
  readonly token: string;
  readonly fence: string;
  readonly ttl: number;
  /** The local monotonic time until which nobody else can hold it. */
  readonly deadline: number;
}

/**
 * How long a lease of `ttl` is safe, counted from before it was asked for: 1% less for clocks that run at different speeds, and
 * 2 ms less for the grain of Redis' expiry, as in the Redlock specification.
 */
export function validity(ttl: number): number {
  return ttl * 0.99 - 2;
}

/** The shortest `ttl` of which anything is left then. */
export const leastTtl = 3;
