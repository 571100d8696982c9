import type { Codec } from "../../../data/codec.ts";
import type { StandardSchema } from "../../../data/schema.ts";

/** Makes long payloads shorter. */
export interface Compression {
  /** The name of the compression in each entry that it wrote: an entry of another one is a miss. Its characters are those of a codec's name. */
  readonly name: string;
  /** The number of characters from which on a payload is compressed. */
  readonly threshold: number;
  /** Makes a shorter text of a text. */
  compress(text: string): Promise<string>;
  /** Makes the text again of what `compress` made. */
  decompress(text: string): Promise<string>;
}

/** Holds values that are too large for Redis, as object storage does. */
export interface Overflow {
  /** Stores a text and returns its name, which Redis keeps. */
  put(id: string, text: string): Promise<string>;
  /** Returns the text of a name, or `null` if it is gone: the entry is then a miss. */
  get(name: string): Promise<string | null>;
}

/** The options by which values are written and read. */
export interface CodecOptions<T> {
  /**
   * Writes values that JSON does not give back as they were, such as dates and maps: `{ name: "devalue", encode: stringify, decode: parse }`.
   * Plain JSON stays plain JSON.
   * @default none: such values are refused
   */
  readonly codec?: Codec | undefined;
  /**
   * Compresses long payloads: `deflate({ threshold: 2_048 })`.
   * @default none
   */
  readonly compression?: Compression | undefined;
  /**
   * The size of the largest payload that Redis takes, in bytes.
   * @default 100_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * Takes payloads larger than `maxBytes`; Redis keeps their names.
   * @default none: such values are refused
   */
  readonly overflow?: Overflow | undefined;
  /**
   * Checks values as they are read; a value that does not fit counts as a miss.
   * @default none
   */
  readonly schema?: StandardSchema<T> | undefined;
}
