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
