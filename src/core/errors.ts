/** The base class of every error that this package throws. An aborted call rejects with the reason of its signal instead. */
export class RedisPatternsError extends Error {
  override readonly name: string = "RedisPatternsError";
  /** A stable word for programs: `OPTION`, `TIMEOUT`, `CONNECTION`, or the first word of Redis' error, such as `WRONGTYPE`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An option or argument can never work, which is a mistake in the program. Nothing was sent to Redis. */
export class OptionError extends RedisPatternsError {
  override readonly name = "OptionError";

  constructor(message: string, options?: ErrorOptions) {
    super("OPTION", message, options);
  }
}

/** Redis answered with an error. `code` is the first word of the error, also of one that a script met: `NOSCRIPT`, `WRONGTYPE`, `NOAUTH`. */
export class ReplyError extends RedisPatternsError {
  override readonly name = "ReplyError";

  /** @param text The error as Redis wrote it. Copies of the caller's arguments are removed from it. */
  constructor(text: string, options?: ErrorOptions) {
    const message = text.replace(/,? (with args beginning with|command was): .*/s, "");
    super(codeFrom(message), message, options);
  }
}

/** Redis before version 7 puts the text of a script around the error that it met. No version has a code for a script that lacks a permission. */
function codeFrom(message: string): string {
  if (/ACL failure in script|The user executing the script can't/.test(message)) return "NOPERM";
  return (
    /^(?:ERR Error running script .*?(?:@user_script: ?\d+: -?)+)?([A-Z][A-Z0-9_]*)(?= |$)/.exec(message)?.[1] ?? "ERR"
  );
}

/** `false`: a failed command did not reach Redis and never will. `true`: it did. `"unknown"`: it may have been executed. */
export type Sent = boolean | "unknown";

/** Redis was not reached, or its answer was lost. */
export class ConnectionError extends RedisPatternsError {
  override readonly name: string = "ConnectionError";
  /** `false` if the command was not executed and never will be, so that it is safe to repeat. */
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

/** A value is larger than `maxBytes`, and nowhere else to keep it was named. Nothing was changed in Redis. */
export class ValueTooLargeError extends RedisPatternsError {
  override readonly name = "ValueTooLargeError";
  /** The size of the value as it would be stored, in bytes. */
  readonly bytes: number;

  /** @param remedy What to do about it. */
  constructor(bytes: number, maxBytes: number, remedy: string) {
    super("TOO_LARGE", `The value takes ${bytes} bytes of \`maxBytes\` ${maxBytes}; ${remedy}`);
    this.bytes = bytes;
  }
}

/** Others changed what this call was to change. Nothing of it was changed by this call. */
export class ConflictError extends RedisPatternsError {
  override readonly name = "ConflictError";

  constructor(message: string) {
    super("CONFLICT", message);
  }
}
