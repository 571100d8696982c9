import { checkCount, checkMethods } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { Decoded, Payload } from "./entry.ts";
import { ValueTooLargeError } from "../errors.ts";

/** Writes values that JSON cannot: `devalue` and `superjson` fit as they are. */
export interface Codec {
  stringify(value: unknown): string;
  parse(text: string): unknown;
}

/** Makes long payloads short. */
export interface Compression {
  /** From how many characters on a payload is compressed. */
  readonly threshold: number;
  compress(text: string): Promise<string>;
  decompress(text: string): Promise<string>;
}

/** Where values go that are too large for Redis: object storage. */
export interface Overflow {
  /** Stores the text and answers under what name; that is what Redis keeps. */
  put(id: string, text: string): Promise<string>;
  /** The text of that name, or `null` if it is gone, which makes the entry a miss. */
  get(name: string): Promise<string | null>;
}

/** The part of the Standard Schema interface that is needed: zod, valibot and arktype have it (standardschema.dev). */
export interface StandardSchema<T> {
  readonly "~standard": { validate(value: unknown): SchemaResult<T> | Promise<SchemaResult<T>> };
}

/** What a schema says of a value. */
export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] };

/** How values are written and read. */
export interface CodecOptions<T> {
  /**
   * Writes what JSON cannot: Date, BigInt, Map, Set, undefined inside objects. What is plain JSON stays plain JSON.
   * @default none: such values lose their type as they do in JSON
   */
  readonly codec?: Codec | undefined;
  /** Compresses long payloads: `deflate({ threshold: 2_048 })`. */
  readonly compression?: Compression | undefined;
  /**
   * The largest payload, in bytes.
   * @default 100_000
   */
  readonly maxBytes?: number | undefined;
  /** Takes payloads larger than `maxBytes`; Redis keeps a reference. */
  readonly overflow?: Overflow | undefined;
  /** Checks values as they are read; one that does not fit counts as a miss. */
  readonly schema?: StandardSchema<T> | undefined;
}

/** The two directions. A payload's kind is `u` for undefined, `j` for JSON or `c` for the codec; `z` is compressed, `x` elsewhere. */
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
        const full = kind.length > 1 ? await unpacked(options, kind, text) : text;
        if (!parse || typeof full !== "string") return undefined;
        return schema ? await checked(schema, parse(full)) : { value: parse(full) };
      } catch {
        // What cannot be read is as good as nothing: it is loaded and written anew.
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

async function unpacked<T>(
  { compression, overflow }: CodecOptions<T>,
  kind: string,
  text: string,
): Promise<string | null | undefined> {
  const here = kind.endsWith("x") ? await overflow?.get(text) : text;
  return kind[1] === "z" && typeof here === "string" ? compression?.decompress(here) : here;
}

async function checked<T>(schema: StandardSchema<T>, value: unknown): Promise<Decoded<T>> {
  const result = await schema["~standard"].validate(value);
  return result.issues ? undefined : { value: result.value };
}

/** The length in UTF-8, which is only measured where it may matter. */
function byteLength(text: string, limit: number): number {
  return text.length * 3 <= limit ? text.length : new TextEncoder().encode(text).length;
}
