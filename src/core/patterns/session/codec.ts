import { checkMethods } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { encodeJson } from "../../json.ts";

/**
 * Turns the value of one field into text and back. `devalue`'s `stringify` and `parse` make one that keeps dates, maps and sets:
 * `{ name: "devalue", encode: stringify, decode: parse }`.
 */
export interface SessionCodec {
  /**
   * Names the format of the text, such as "devalue". Each session keeps the name, and is refused to a store whose codec has another one, so
   * that no text is misread. Give an incompatible version another name.
   */
  readonly name: string;
  /** Turns a value into text. It may throw if it cannot. */
  encode(value: unknown): string;
  /** Turns the text back into an equal value. */
  decode(text: string): unknown;
}

/** JSON, which refuses a value that would come back as something else: a `Date`, a `Map`, a class instance, `NaN`. */
export const jsonCodec: SessionCodec = {
  name: "json",
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text),
};

export function checkCodec(codec: SessionCodec): SessionCodec {
  checkMethods("codec", codec, 'such as { name: "devalue", encode: stringify, decode: parse }', "encode", "decode");
  if (typeof codec.name === "string" && /^[!-~]{1,64}$/.test(codec.name)) return codec;
  throw new OptionError(
    "`codec.name` must name the format in 1 to 64 ASCII characters without spaces, such as `devalue`",
  );
}

/** @throws {OptionError} JSON would change a value. */
export function refuseLoss(codec: SessionCodec, data: object): void {
  if (codec === jsonCodec) encodeJson(data, "data", "store a text or a number, or pass a `codec` such as devalue's");
}

/** @param name That of the field. */
export function encodeValue(codec: SessionCodec, name: string, value: unknown): string {
  const fail = (cause?: unknown) =>
    new OptionError(`\`codec.encode\` cannot turn \`data.${name}\` into text`, { cause });
  let encoded: unknown;
  try {
    encoded = codec.encode(value);
  } catch (error) {
    throw fail(error);
  }
  if (typeof encoded === "string") return encoded;
  throw fail();
}
