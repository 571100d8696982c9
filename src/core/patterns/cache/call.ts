/** Options of one call. */
export interface CallOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a read. */
export interface GetOptions extends CallOptions {
  /** The tags that the entry has. One that lacks any is a miss. Known tags save a round trip. */
  readonly tags?: readonly string[] | undefined;
}

/** Options of a write. */
export interface SetOptions extends GetOptions {
  /**
   * How long the value is fresh, in milliseconds.
   * @default the cache's `ttl`
   */
  readonly ttl?: number | undefined;
}

/** Options of one `getOrSet`. */
export interface GetOrSetOptions extends SetOptions {
  /**
   * Keeps the runtime alive for what goes on after the answer: `(work) => ctx.waitUntil(work)`.
   * @default none; `resolve` returns it as `pending`
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /**
   * Within what callers of the same key share one load: an object that lives as long as they may wait for each other, such as the
   * `ctx` of a Worker's request. In a Worker a request must not wait for what another one started.
   * @default the process; in a Worker the call alone
   */
  readonly scope?: object | undefined;
}
