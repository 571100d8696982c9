import type { OnEvent } from "../../event.ts";

/**
 * Runs `work` once per key. The first caller runs it; every later caller gets the stored result. A caller who comes while the work is
 * running waits for its result. The `code` of an error tells what happened: see docs/idempotency.md.
 * @throws What `work` throws. The key is then free for the next call, unless failures are stored.
 * @throws The reason of `signal`, if it aborts during the wait.
 * @throws {OptionError} The key is empty or too long, or an option can never work. Nothing was run.
 * @throws {IdempotencyBusyError} The first caller was still at work when the wait ended.
 * @throws {IdempotencyConflictError} The key was used with another payload.
 * @throws {IdempotentFailureError} The stored outcome is a failure.
 * @throws {IdempotencyNotStoredError} The work ran, and its result could not be stored: Redis refused or was not reached, or the result is
 * no plain JSON, such as a `Date`. The error has the result.
 * @throws {IdempotencyOutcomeLostError} The work ran in an earlier call whose result could not be stored.
 * @throws {ReplyError} Redis refused the call. Nothing was run.
 * @throws {ConnectionError} Redis was not reached. Nothing was run.
 */
export type Idempotent = <T>(
  key: string,
  work: (run: IdempotentRun) => T | Promise<T>,
  options?: IdempotentOptions,
) => Promise<T>;

/** What `work` is given. */
export interface IdempotentRun {
  /** Aborts with the signal of the call, and when the lease ends, since another caller may then run the same work. */
  readonly signal: AbortSignal;
}

/** Options of one call. */
export interface IdempotentOptions {
  /**
   * The time for which the outcome is kept, in milliseconds.
   * @default the `ttl` of the factory
   */
  readonly ttl?: number | undefined;
  /**
   * Text that identifies the request, such as its body. The same key with another payload is refused, and so is one without. Only its
   * SHA-256 is stored.
   * @default no payload
   */
  readonly payload?: string | undefined;
  /** Ends the wait for another caller's result; the call then rejects with the signal's reason. The signal of the work aborts, too. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `createIdempotency`. */
export interface IdempotencyOptions {
  /** The time for which an outcome is kept, in milliseconds. Choose a time after which nobody repeats the call. */
  readonly ttl: number;
  /**
   * The time that a run may take, in milliseconds. A crashed run blocks its key until the lease ends. While a run takes longer, another
   * caller may run the work a second time. On Lambda, use the function's timeout.
   * @default 30000
   */
  readonly lease?: number | undefined;
  /**
   * The time for which a call waits for the first caller's result, in milliseconds. With 0 it throws
   * `IdempotencyBusyError` at once.
   * @default the `lease`
   */
  readonly wait?: number | undefined;
  /**
   * The treatment of failures: `retry` frees the key for the next call, `store` makes later calls throw
   * `IdempotentFailureError` with the message of the failure. A failure after the `signal` of the run has aborted is never stored.
   * @default "retry"
   */
  readonly failures?: "retry" | "store" | undefined;
  /** The name of this kind of call, such as "refund". Its keys begin with `idempotency:` and the prefix. */
  readonly prefix: string;
  /**
   * Receives `run` (this call runs the work), `waited` (it waits for another run), `replayed` (it takes a stored outcome), `failed` (the
   * work threw), `not-stored` (the work ran, and its outcome could not be stored) and `late` (another run took the place of this one, or
   * the key could not be freed or marked).
   */
  readonly onEvent?: OnEvent | undefined;
  /**
   * Called with work that goes on after a call was aborted or failed: freeing what may have been claimed. A Worker passes
   * `(work) => ctx.waitUntil(work)`.
   * @default none
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}
