import { RedisPatternsError } from "../../errors.ts";

/** The session has ended, so that nothing was written: it was destroyed, revoked, or ran out. */
export class SessionGoneError extends RedisPatternsError {
  override readonly name = "SessionGoneError";

  constructor(options?: ErrorOptions) {
    super("SESSION_GONE", "The session has ended and nothing was written; ask the user to log in again", options);
  }
}

/** The user has `maxPerUser` sessions already and `atLimit` is `refuse`. Nothing was created. */
export class SessionLimitError extends RedisPatternsError {
  override readonly name = "SessionLimitError";

  constructor(limit: number) {
    super(
      "SESSION_LIMIT",
      `The user has ${limit} sessions already; end one of them, or use \`atLimit: "evict-oldest"\``,
    );
  }
}

/** The data would take more than `maxBytes`. Nothing was written. */
export class SessionTooLargeError extends RedisPatternsError {
  override readonly name = "SessionTooLargeError";

  constructor(maxBytes: number) {
    super(
      "SESSION_TOO_LARGE",
      `The session's data would exceed ${maxBytes} bytes; store an id in it, or raise \`maxBytes\``,
    );
  }
}

/** The session's data was written with another codec, or the codec cannot read it. Nothing was changed. */
export class SessionDataError extends RedisPatternsError {
  override readonly name = "SessionDataError";

  /** @param reason It names no value of the data, and the codec's own error, which may hold one, is no cause. */
  constructor(reason: string) {
    super(
      "SESSION_DATA",
      `${reason}; read it with the codec that wrote it, or take another \`prefix\` with another codec`,
    );
  }
}

/** Others wrote to the session first, each time. Nothing was written. */
export class SessionConflictError extends RedisPatternsError {
  override readonly name = "SessionConflictError";

  constructor(attempts: number) {
    super(
      "SESSION_CONFLICT",
      `Others wrote to the session first, ${attempts} times in a row; try again, or write less often`,
    );
  }
}

/** The user has not proved who they are recently enough. */
export class ReauthenticationError extends RedisPatternsError {
  override readonly name = "ReauthenticationError";

  constructor() {
    super(
      "REAUTHENTICATE",
      "The user logged in too long ago for this; ask for the password and call `loginSession` again",
    );
  }
}
