/** The base of every error that this package throws. An abort is not one: it rejects with the signal's own reason. */
export class RedisPatternsError extends Error {
  override readonly name: string = "RedisPatternsError";
  /** A stable word to branch on: `OPTION`, `TIMEOUT`, `CONNECTION`, or the first word of Redis' refusal. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A mistake in the program: an option or argument that can never work. Nothing was sent. */
export class OptionError extends RedisPatternsError {
  override readonly name = "OptionError";

  constructor(message: string, options?: ErrorOptions) {
    super("OPTION", message, options);
  }
}

/** Redis answered with an error. `code` is its first word: `NOSCRIPT`, `WRONGTYPE`, `NOAUTH`. */
export class ReplyError extends RedisPatternsError {
  override readonly name = "ReplyError";

  /** @param text What Redis said. Copies of the caller's arguments are cut off. */
  constructor(text: string, options?: ErrorOptions) {
    const message = text.replace(/,? (with args beginning with|command was): .*/s, "");
    super(/^[A-Z][A-Z0-9_]*(?= |$)/.exec(message)?.[0] ?? "ERR", message, options);
  }
}

/** Whether a failed command reached Redis: `false` means it did not and never will. */
export type Sent = boolean | "unknown";

/** Redis was not reached, or its answer was lost. */
export class ConnectionError extends RedisPatternsError {
  override readonly name: string = "ConnectionError";
  readonly sent: Sent;

  constructor(message: string, sent: Sent, options?: ErrorOptions & { readonly code?: string }) {
    super(options?.code ?? "CONNECTION", message, options);
    this.sent = sent;
  }
}

/** The deadline passed before Redis answered. */
export class TimeoutError extends ConnectionError {
  override readonly name = "TimeoutError";
  /** The deadline, in milliseconds. */
  readonly timeout: number;

  constructor(timeout: number, sent: Sent = "unknown", options?: ErrorOptions) {
    super(`Redis did not answer within ${timeout} ms`, sent, { ...options, code: "TIMEOUT" });
    this.timeout = timeout;
  }
}

/** The session has ended, so that nothing was written: it was destroyed, revoked, or ran out. */
export class SessionGoneError extends RedisPatternsError {
  override readonly name = "SessionGoneError";

  constructor(options?: ErrorOptions) {
    super("SESSION_GONE", "The session has ended and nothing was written; ask the user to log in again", options);
  }
}

/** Somebody else held the lock until the wait ended. */
export class LockBusyError extends RedisPatternsError {
  override readonly name = "LockBusyError";
  /** What was asked for. */
  readonly lock: string;
  /** How long it was waited for, in milliseconds. */
  readonly waited: number;
  /** How often Redis was asked. */
  readonly attempts: number;
  /** How long the holder's lease had left, in milliseconds. */
  readonly remaining: number;

  constructor(lock: string, waited: number, attempts: number, remaining: number) {
    super("LOCK_BUSY", `Lock \`${lock}\` stayed busy for ${Math.round(waited)} ms; wait longer or try later`);
    this.lock = lock;
    this.waited = waited;
    this.attempts = attempts;
    this.remaining = remaining;
  }
}

/** The lease ran out, or Redis no longer knew of it: somebody else may hold the lock. */
export class LockLostError extends RedisPatternsError {
  override readonly name = "LockLostError";
  /** What was held. */
  readonly lock: string;
  /** How long ago the lease ran out, in milliseconds; 0 if Redis lost it before its time. */
  readonly lateBy: number;

  constructor(lock: string, lateBy = 0, options?: ErrorOptions) {
    const late = Math.max(0, Math.round(lateBy));
    super("LOCK_LOST", `Lock \`${lock}\` was lost ${late} ms ago; raise \`ttl\` or extend the lease`, options);
    this.lock = lock;
    this.lateBy = late;
  }
}

/** Another caller was still at work on the same idempotency key when the wait ended. */
export class IdempotencyBusyError extends RedisPatternsError {
  override readonly name = "IdempotencyBusyError";
  /** How long the other caller's lease has left, in milliseconds. */
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

/** The call was made before and failed; its failure was stored on request. */
export class IdempotentFailureError extends RedisPatternsError {
  override readonly name = "IdempotentFailureError";

  /** @param message What the first failure said. */
  constructor(message: string, options?: ErrorOptions) {
    super("IDEMPOTENT_FAILURE", message, options);
  }
}
