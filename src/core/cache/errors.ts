import { RedisPatternsError } from "../errors.ts";

/** The loader took longer than `hardTimeout`; its signal has aborted. */
export class LoadTimeoutError extends RedisPatternsError {
  override readonly name = "LoadTimeoutError";
  /** The `hardTimeout`, in milliseconds. */
  readonly timeout: number;

  constructor(timeout: number) {
    super(
      "LOAD_TIMEOUT",
      `The loader took longer than \`hardTimeout\`, ${timeout} ms; heed its signal or raise the option`,
    );
    this.timeout = timeout;
  }
}

/** This call waited for another process to load the key, and that load failed. What went wrong is known there. */
export class LoadFailedError extends RedisPatternsError {
  override readonly name = "LoadFailedError";

  constructor() {
    super("LOAD_FAILED", "The process that loaded this key for all has failed to");
  }
}

/** A value is larger than `maxBytes` and there is no `overflow` to put it in. */
export class ValueTooLargeError extends RedisPatternsError {
  override readonly name = "ValueTooLargeError";
  /** The size of the value as it would be stored, in bytes. */
  readonly bytes: number;

  constructor(bytes: number, maxBytes: number) {
    super(
      "TOO_LARGE",
      `The value takes ${bytes} bytes of \`maxBytes\` ${maxBytes}; raise it, or pass \`compression\` or \`overflow\``,
    );
    this.bytes = bytes;
  }
}
