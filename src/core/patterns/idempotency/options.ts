import type { OnEvent } from "../../event.ts";

/**
 * Runs `work` once per key. The first caller runs it; every later caller gets the stored result, as JSON restores it. A caller who comes
 * while the work is running waits for its result.
 * @throws What `work` throws. The key is then free for the next call, unless failures are stored.
 * @throws {IdempotencyBusyError} The first caller was still at work when the wait ended.
 * @throws {IdempotencyConflictError} The key was used with another payload.
 * @throws {IdempotentFailureError} The stored outcome is a failure.
 * @throws {ConnectionError} Redis was not reached. If the work had run by then, its result is lost and the next caller runs it again.
 */
export type Idempotent = <T>(
  key: string,
  work: (run: IdempotentRun) => T | Promise<T>,
  options?: IdempotentOptions,
) => Promise<T>;

/** The run that the work belongs to. */
export interface IdempotentRun {
  /** Aborts when the lease of this run ends, since another caller may then run the same work. */
  readonly signal: AbortSignal;
}

/** Options of one call. */
export interface IdempotentOptions {
  /**
   * The time for which the result is kept, in milliseconds.
   * @default the `ttl` of the factory
   */
  readonly ttl?: number | undefined;
  /**
   * The request that the key stands for, such as its body. The same key with another payload is refused. Only its SHA-256 is stored.
   */
  readonly payload?: string | undefined;
  /** Ends the wait for another caller's result. The work's own signal aborts with it. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `createIdempotency`. */
export interface IdempotencyOptions {
  /** The time for which a result is kept, in milliseconds. Choose a time after which nobody repeats the call. */
  readonly ttl: number;
  /**
   * The time that a run may take, in milliseconds. A crashed run blocks its key until the lease ends, and a run that takes longer may run
   * twice. On Lambda, use the function's timeout.
   * @default 30000
   */
  readonly lease?: number | undefined;
  /**
   * The time for which a call waits for the first caller's result, in milliseconds. With 0 it is refused at once.
   * @default the `lease`
   */
  readonly wait?: number | undefined;
  /**
   * The treatment of failures: `retry` frees the key for the next call, `store` makes later calls fail in the same way.
   * @default "retry"
   */
  readonly failures?: "retry" | "store" | undefined;
  /**
   * The first part of every key.
   * @default "idempotency"
   */
  readonly prefix?: string | undefined;
  /** Receives `run`, `replayed`, `waited`, `failed`, and `late`: the lease ended before the result was stored. */
  readonly onEvent?: OnEvent | undefined;
}
