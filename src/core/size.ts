import { ValueTooLargeError } from "./errors.ts";
import { encodeJson } from "./json.ts";

/** The length in UTF-8. It is measured only where it may exceed the limit: a UTF-16 unit takes at most three bytes. */
export function byteLength(text: string, limit: number): number {
  return text.length * 3 <= limit ? text.length : new TextEncoder().encode(text).length;
}

/**
 * Turns data into JSON of at most `maxBytes`.
 * @param name The name of the data in an error.
 * @throws {OptionError} JSON does not give the data back as it was. The error names the place.
 * @throws {ValueTooLargeError} It is too large.
 */
export function encodeData(data: unknown, name: string, maxBytes: number): string {
  const text = encodeJson(data, name, "pass plain JSON");
  const bytes = byteLength(text, maxBytes);
  if (bytes <= maxBytes) return text;
  throw new ValueTooLargeError(bytes, maxBytes, "store a reference, such as an id or a URL, or raise it");
}
