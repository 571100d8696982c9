import type { Codec } from "../../data/codec.ts";
import { OptionError } from "../../errors.ts";
import { encodeJson } from "../../data/json.ts";

/** JSON, which refuses a value that would come back as something else: a `Date`, a `Map`, a class instance, `NaN`. */
export const jsonCodec: Codec = {
  name: "json",
  encode: (value) => JSON.stringify(value),
  decode: (text) => JSON.parse(text),
};

/** @throws {OptionError} JSON would change a value. */
export function refuseLoss(codec: Codec, data: object): void {
  if (codec === jsonCodec) encodeJson(data, "data", "store a text or a number, or pass a `codec` such as devalue's");
}

/** @param name That of the field. */
export function encodeValue(codec: Codec, name: string, value: unknown): string {
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
