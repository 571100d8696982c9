import { checkMethods } from "../check.ts";
import { OptionError } from "../errors.ts";

/**
 * Writes and reads values that JSON does not give back as they were, such as dates and maps. `devalue`'s `stringify` and `parse` make one:
 * `{ name: "devalue", encode: stringify, decode: parse }`.
 */
export interface Codec {
  /**
   * The name of the codec, which is kept with everything that it wrote, so that no other codec reads it. 1 to 32 letters, digits, dots, hyphens
   * or underscores. Change it when the codec changes so much that it cannot read what it wrote before.
   */
  readonly name: string;
  /** Turns a value into text. It may throw if it cannot: the value is then not kept. */
  encode(value: unknown): string;
  /** Turns the text back into an equal value. */
  decode(text: string): unknown;
}

/** @throws {OptionError} It is no codec, or its name cannot be kept. */
export function checkCodec<T extends Codec | undefined>(codec: T): T {
  const example = '{ name, encode, decode }, such as { name: "devalue", encode: stringify, decode: parse }';
  checkMethods("codec", codec, example, "encode", "decode");
  if (codec) checkName("codec.name", codec.name);
  return codec;
}

/** Checks a name that is kept with what was written under it. */
export function checkName(option: string, name: string): void {
  if (typeof name === "string" && /^[\w.-]{1,32}$/.test(name)) return;
  throw new OptionError(
    `\`${option}\` must have 1 to 32 letters, digits, dots, hyphens or underscores, such as "devalue"`,
  );
}
