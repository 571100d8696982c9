import { checkCount, checkMethods } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { ValueTooLargeError } from "../errors.ts";
import type { Decoded, Payload } from "./entry.ts";

/** Writes and reads values that JSON cannot hold. `devalue` and `superjson` fit as they are. */
export interface Codec {
  /** Makes a text of a value. */
  stringify(value: unknown): string;
  /** Makes the value of a text of `stringify`. */
  parse(text: string): unknown;
}

/** Makes long payloads shorter. */
export interface Compression {
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

/** The part of the Standard Schema interface that is needed (standardschema.dev); zod, valibot and arktype have it. */
export interface StandardSchema<T> {
  /** The properties of the standard. */
  readonly "~standard": { validate(value: unknown): SchemaResult<T> | Promise<SchemaResult<T>> };
}

/** The verdict of a schema: the value, or what is wrong with it. */
export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] };

/** The options by which values are written and read. */
export interface CodecOptions<T> {
  /**
   * Writes values that JSON cannot hold: Date, BigInt, Map, Set, undefined inside objects. Plain JSON stays plain JSON.
   * @default none: such values lose their type as they do in JSON
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

/**
 * Creates the two directions. The kind of a payload is `u` for undefined, `j` for JSON or `c` for the codec, followed by `z` if it is
 * compressed and by `x` if it is in the overflow.
 */
export function createCodec<T>(options: CodecOptions<T>) {
  const { codec, compression, maxBytes = 100_000, overflow, schema } = options;
  checkCount("maxBytes", maxBytes);
  checkMethods("codec", codec, "{ stringify, parse }, such as devalue", "stringify", "parse");
  checkMethods("compression", compression, "deflate()", "compress", "decompress");
  checkMethods("overflow", overflow, "{ put, get }", "put", "get");
  checkMethods("schema", schema?.["~standard"] ?? schema, "a Standard Schema", "validate");
  return {
    async encode(id: string, value: T): Promise<Payload> {
      let { kind, text } = payloadOf(codec, value);
      if (compression && text.length >= compression.threshold) {
        kind += "z";
        text = await compression.compress(text);
      }
      const bytes = byteLength(text, maxBytes);
      if (bytes <= maxBytes) return { kind, text };
      if (!overflow) throw new ValueTooLargeError(bytes, maxBytes);
      return { kind: `${kind}x`, text: await overflow.put(id, text) };
    },
    async decode({ kind, text }: Payload): Promise<Decoded<T>> {
      try {
        const parse = parserOf(codec, kind);
        const full = kind.length > 1 ? await unpack(options, kind, text) : text;
        if (!parse || typeof full !== "string") return undefined;
        return schema ? await validate(schema, parse(full)) : { value: parse(full) };
      } catch {
        // A payload that cannot be read counts as a miss: it is loaded and written anew.
        return undefined;
      }
    },
  };
}

function payloadOf(codec: Codec | undefined, value: unknown): Payload {
  if (value === undefined) return { kind: "u", text: "" };
  if (codec && !isPlain(value, 100)) return { kind: "c", text: codec.stringify(value) };
  const text = toJson(value);
  if (typeof text === "string") return { kind: "j", text };
  throw new OptionError("`value` must be JSON, which a function or a symbol is not");
}

function toJson(value: unknown): unknown {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new OptionError("`value` must be JSON, which a BigInt or a cycle is not; pass `codec`", { cause });
  }
}

/** Whether JSON gives the value back as it was. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object") return typeof value === "string" || typeof value === "boolean";
  if (value === null) return true;
  const plain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
  return plain && depth > 0 && Object.values(value).every((part) => isPlain(part, depth - 1));
}

function parserOf(codec: Codec | undefined, kind: string): typeof JSON.parse | undefined {
  if (kind.startsWith("j")) return JSON.parse;
  if (kind.startsWith("c")) return codec && ((text) => codec.parse(text));
  return kind === "u" ? () => undefined : undefined;
}

async function unpack<T>(
  { compression, overflow }: CodecOptions<T>,
  kind: string,
  text: string,
): Promise<string | null | undefined> {
  const stored = kind.endsWith("x") ? await overflow?.get(text) : text;
  return kind[1] === "z" && typeof stored === "string" ? compression?.decompress(stored) : stored;
}

async function validate<T>(schema: StandardSchema<T>, value: unknown): Promise<Decoded<T>> {
  const result = await schema["~standard"].validate(value);
  return result.issues ? undefined : { value: result.value };
}

/** The length in UTF-8. It is measured only where it may exceed the limit: a UTF-16 unit takes at most three bytes. */
function byteLength(text: string, limit: number): number {
  return text.length * 3 <= limit ? text.length : new TextEncoder().encode(text).length;
}
