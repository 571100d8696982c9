import { RedisPatternsError } from "../../errors.ts";

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
