import { checkCount, checkOptions } from "../../../check.ts";
import { base64, fromBase64 } from "../../../crypto.ts";
import type { Compression } from "./codec.ts";

/** Options of `deflate`. */
export interface DeflateOptions {
  /**
   * The number of characters from which on a payload is compressed.
   * @default 2_048: below, the time costs more than the bytes
   */
  readonly threshold?: number | undefined;
}

/**
 * Creates a compression by the CompressionStream of the platform: raw DEFLATE (RFC 1951) as base64, since HTTP carries no bytes.
 * @throws {OptionError} The threshold is no whole number from 1 on.
 */
export function deflate(options?: DeflateOptions): Compression {
  const { threshold = 2_048 } = checkOptions(options, "{ threshold: 2_048 }") ?? {};
  return {
    name: "deflate",
    threshold: checkCount("threshold", threshold),
    async compress(text) {
      const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
      return base64(new Uint8Array(await new Response(stream).arrayBuffer()));
    },
    async decompress(text) {
      return new Response(
        new Blob([fromBase64(text)]).stream().pipeThrough(new DecompressionStream("deflate-raw")),
      ).text();
    },
  };
}
