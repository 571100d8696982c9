import { byteLength } from "../../check.ts";
import type { Codec } from "../../data/codec.ts";
import { encodeData } from "../../data/json.ts";
import { OptionError, ReplyError, ValueTooLargeError } from "../../errors.ts";

/**
 * The text of a message: plain JSON, which programs in other languages read and write, too. What a codec wrote has `~`, its name and a space in front.
 * @throws {OptionError} JSON does not give the message back as it was.
 * @throws {ValueTooLargeError} It is too large.
 */
export function encodeMessage(codec: Codec | undefined, message: unknown, maxBytes: number): string {
  if (!codec) return encodeData(message, "message", maxBytes);
  const encoded: unknown = codec.encode(message);
  if (typeof encoded !== "string") throw new OptionError("`codec.encode` must return a string");
  const text = `~${codec.name} ${encoded}`;
  const bytes = byteLength(text, maxBytes);
  if (bytes <= maxBytes) return text;
  throw new ValueTooLargeError(bytes, maxBytes, "store a reference, such as an id or a URL, or raise it");
}

/**
 * Reads a message.
 * @throws {ReplyError} Something else has written it: another version, another codec, another program (code `SHAPE`).
 * @throws What the codec throws.
 */
export function decodeMessage(codec: Codec | undefined, text: string | null): unknown {
  if (text === null)
    throw new ReplyError("SHAPE The message was written by a later version of redis-patterns; update it");
  const start = codec ? `~${codec.name} ` : "";
  if (codec && text.startsWith(start)) return codec.decode(text.slice(start.length));
  if (codec || text.startsWith("~")) throw new ReplyError("SHAPE The message was written with another `codec`");
  try {
    return JSON.parse(text);
  } catch (cause) {
    const remedy = "another program, or channels with another `delivery`, has published it";
    throw new ReplyError(`SHAPE The message is no JSON; ${remedy}`, { cause });
  }
}
