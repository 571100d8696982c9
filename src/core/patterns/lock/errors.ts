import { RedisPatternsError } from "../../errors.ts";

/** Somebody else held the lock until the wait ended. */
export class LockBusyError extends RedisPatternsError {
  override readonly name = "LockBusyError";
  /** The name that was asked for. */
  readonly lock: string;
  /** The time that the wait took, in milliseconds. */
  readonly waited: number;
  /** The number of times that Redis was asked. */
  readonly attempts: number;
  /** The time that the holder's lease had left, in milliseconds. */
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
  /** The name that was held. */
  readonly lock: string;
  /** The time since the lease ran out, in milliseconds; 0 if Redis lost it before its time. */
  readonly lateBy: number;

  constructor(lock: string, lateBy = 0, options?: ErrorOptions) {
    const late = Math.max(0, Math.round(lateBy));
    const { cause } = options ?? {};
    const how =
      cause instanceof Error
        ? `${late} ms ago, since it could not be extended: ${cause.message}`
        : late > 0
          ? `${late} ms ago; raise \`ttl\` or extend the lease`
          : "before its time: it was released, resumed elsewhere or deleted";
    super("LOCK_LOST", `Lock \`${lock}\` was lost ${how}`, options);
    this.lock = lock;
    this.lateBy = late;
  }
}
