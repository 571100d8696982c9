import { RedisPatternsError } from "../../errors.ts";

/** The loader took longer than `hardTimeout`, and its signal has aborted. */
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

/** This call waited for the load of another process, which failed. The whole error is known to that process alone. */
export class LoadFailedError extends RedisPatternsError {
  override readonly name = "LoadFailedError";
  /** The `code` of the error that the loader threw, if that is a text of at most 32 letters, digits and underscores. */
  readonly loaderCode: string | undefined;

  constructor(loaderCode = "") {
    super("LOAD_FAILED", "The process that loaded this key for all has failed to");
    this.loaderCode = loaderCode || undefined;
  }
}

/**
 * The origin was written, and the old value could not be deleted from the cache, which may serve it until its TTL ends. Delete the key
 * again.
 */
export class StaleCacheError extends RedisPatternsError {
  override readonly name = "StaleCacheError";
  /** The value that the writer returned. */
  readonly value: unknown;

  constructor(value: unknown, options?: ErrorOptions) {
    super(
      "STALE_CACHE",
      "The origin was written, but the old value could not be deleted from the cache; delete it again",
      options,
    );
    this.value = value;
  }
}
