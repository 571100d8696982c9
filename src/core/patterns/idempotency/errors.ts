import { RedisPatternsError } from "../../errors.ts";
import { codeOf, failureOf, isReplyError } from "../../failure.ts";

/** Another caller was still at work on the same idempotency key when the wait ended. The work of this call did not run. */
export class IdempotencyBusyError extends RedisPatternsError {
  override readonly name = "IdempotencyBusyError";
  /** The rest of the other caller's lease, in milliseconds. */
  readonly remaining: number;

  constructor(remaining: number, options?: ErrorOptions) {
    super("IDEMPOTENCY_BUSY", "The same call is still running elsewhere; wait longer or try later", options);
    this.remaining = remaining;
  }
}

/** The idempotency key was used before, with another payload. The work of this call did not run. */
export class IdempotencyConflictError extends RedisPatternsError {
  override readonly name = "IdempotencyConflictError";

  constructor(options?: ErrorOptions) {
    super("IDEMPOTENCY_CONFLICT", "The key was used with another payload; use one key for one request", options);
  }
}

/** The call was made before and failed. Its failure was stored, as the option `failures` asks for. */
export class IdempotentFailureError extends RedisPatternsError {
  override readonly name = "IdempotentFailureError";

  /** @param message The message of the first failure. */
  constructor(message: string, options?: ErrorOptions) {
    super("IDEMPOTENT_FAILURE", message, options);
  }
}

/** The work of this call ran, but its result could not be stored. The result is in the error, and `cause` tells the reason. */
export class IdempotencyNotStoredError extends RedisPatternsError {
  override readonly name = "IdempotencyNotStoredError";
  /**
   * `true`: later calls get an `IdempotencyOutcomeLostError` and do not run the work again. `false`: the key could not be marked either, and
   * a call after the end of the lease may run the work again.
   */
  readonly marked: boolean;
  // It is private, so that a log of the error does not show it.
  readonly #result: unknown;

  constructor(result: unknown, marked: boolean, options?: ErrorOptions) {
    super(
      "IDEMPOTENCY_NOT_STORED",
      `The work ran, but its result was not stored: ${reasonOf(options?.cause)}`,
      options,
    );
    this.#result = result;
    this.marked = marked;
  }

  /** What the work returned. */
  get result(): unknown {
    return this.#result;
  }
}

/** An earlier call ran the work, but its outcome could not be stored. The work does not run again while the key lives. */
export class IdempotencyOutcomeLostError extends RedisPatternsError {
  override readonly name = "IdempotencyOutcomeLostError";

  constructor(options?: ErrorOptions) {
    super("IDEMPOTENCY_OUTCOME_LOST", "An earlier call ran the work, but its outcome could not be stored", options);
  }
}

/** Redis' reason, or ours. The message of another error may hold a part of the result. */
function reasonOf(cause: unknown): string {
  const isTold = codeOf(cause) === "OPTION" || isReplyError(cause) || failureOf(cause) === "outage";
  if (isTold) return String(Reflect.get(Object(cause), "message"));
  return "it is no plain JSON; return strings, numbers, lists and plain objects";
}
