import { RedisPatternsError } from "../../errors.ts";

/** Another caller was still at work on the same idempotency key when the wait ended. */
export class IdempotencyBusyError extends RedisPatternsError {
  override readonly name = "IdempotencyBusyError";
  /** The rest of the other caller's lease, in milliseconds. */
  readonly remaining: number;

  constructor(remaining: number, options?: ErrorOptions) {
    super("IDEMPOTENCY_BUSY", "The same call is still running elsewhere; wait longer or try later", options);
    this.remaining = remaining;
  }
}

/** The idempotency key was used before, with another payload. */
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
