import { RedisPatternsError } from "../../errors.ts";

/** What is stored cannot answer: it was made with other options, or by another program. Nothing was changed. */
export class BloomFilterMismatchError extends RedisPatternsError {
  override readonly name = "BloomFilterMismatchError";

  /** @param message What is the matter, and what to do about it. */
  constructor(message: string, options?: ErrorOptions) {
    super("FILTER_MISMATCH", message, options);
  }
}
