import { checkCount } from "../../../check.ts";
import type { Compression } from "./codec.ts";

/** Options of `deflate`. */
export interface DeflateOptions {
  /**
   * From how many characters on a payload is compressed.
   * @default 2_048: below, the time costs more than the bytes
   */
  readonly threshold?: number | undefined;
}

/**
 * Compresses long payloads with the CompressionStream of the platform: raw DEFLATE (RFC 1951), as base64 text, since HTTP does not carry
 * bytes.
 */
export function deflate({ threshold = 2_048 }: DeflateOptions = {}): Compression {
  return {
    threshold: checkCount("threshold", threshold),
    async compress(text) {
      const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
      return toBase64(new Uint8Array(await new Response(stream).arrayBuffer()));
    },
    async decompress(text) {
      const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
      return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
    },
  };
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  // As many arguments as every engine takes.
  for (let i = 0; i < bytes.length; i += 8_192) binary += String.fromCharCode(...bytes.subarray(i, i + 8_192));
  return btoa(binary);
}
