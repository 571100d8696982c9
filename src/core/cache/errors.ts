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
