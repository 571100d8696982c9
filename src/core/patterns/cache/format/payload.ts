import { byteLength, checkCount, checkMethods } from "../../../check.ts";
import { checkCodec, checkName, type Codec } from "../../../data/codec.ts";
import { OptionError, RedisPatternsError, ValueTooLargeError } from "../../../errors.ts";
import { encodeJson } from "../../../data/json.ts";
import type { StandardSchema } from "../../../data/schema.ts";
import { raceDeadline } from "../../../time/deadline.ts";
import type { CodecOptions, Overflow } from "./codec.ts";
import { unchecked } from "../../../unchecked.ts";
import { createStamp, type Decoded, type Payload, stampLength } from "./entry.ts";

/** A payload before it is packed: its kind is one letter. */
interface Written {
  readonly letter: "u" | "j" | "c";
  readonly text: string;
}

/**
 * Creates the two directions. The kind of a payload is `u` for undefined, `j` for JSON or `c` for the codec, followed by `z` if it is
 * compressed and by `x` if it is in the overflow; then after colons the names of the codec and of the compression that wrote it. So another
 * codec's payload is known before anything tries to read it.
 */
export function createPayloads<T>(options: CodecOptions<T>, timeout: number) {
  const { codec, compression, maxBytes = 100_000, overflow, schema } = options;
  checkCount("maxBytes", maxBytes);
  checkCodecOptions(options);
  const kindOf = (letters: string) =>
    [letters, letters.startsWith("c") && codec?.name, letters.includes("z") && compression?.name]
      .filter((part) => part !== false)
      .join(":");
  const pack = async (id: string, { letter, text }: Written): Promise<Payload> => {
    const compressor = compression && text.length >= compression.threshold ? compression : undefined;
    const letters = compressor ? `${letter}z` : letter;
    const packed = checkString("compression.compress", compressor ? await compressor.compress(text) : text);
    const bytes = byteLength(packed, maxBytes);
    if (bytes <= maxBytes) return { kind: kindOf(letters), text: packed };
    if (!overflow) throw new ValueTooLargeError(bytes, maxBytes, "raise it, or pass `compression` or `overflow`");
    // The stamp is in the entry and in the object. An object that another write has replaced meanwhile does not belong to this entry.
    const stamp = createStamp();
    const name = checkString("overflow.put", await overflow.put(id, `${stamp}${packed}`));
    return { kind: kindOf(`${letters}x`), text: `${stamp}${name}` };
  };
  // A schema may make more of a value than its codec carries.
  const copier = schema ? undefined : codec;
  return {
    copier,
    copies: (value: T) => createCopies(copier, value),
    async encode(id: string, value: T, signal?: AbortSignal): Promise<Payload> {
      const written = writeText(codec, value);
      return untilTimeout(timeout, signal, () => pack(id, written));
    },
    /** @throws What a codec, compression, overflow or schema throws. */
    async decode({ kind, text }: Payload, signal?: AbortSignal): Promise<Decoded<T>> {
      const [letters = ""] = kind.split(":");
      if (!/^[ujc]z?x?$/.test(letters) || kind !== kindOf(letters)) return undefined;
      if (letters.length === 1 && !schema) return readText(codec, letters, text);
      return untilTimeout(timeout, signal, async () => {
        const full = await unpack(options, letters, text);
        if (typeof full !== "string") return undefined;
        const read = readText<T>(codec, letters, full);
        return read && schema ? validate(schema, read.value) : read;
      });
    },
  };
}

/** Creates what makes copies of a value. One that neither JSON nor the codec carries stays one and the same. */
function createCopies<T>(codec: Codec | undefined, value: T): () => T {
  let written: Written | undefined;
  return () => {
    try {
      written ??= writeText(codec, value);
      return unchecked(readText(codec, written.letter, written.text)?.value);
    } catch {
      return value;
    }
  };
}

/** Waits for a hook of the user for as long as for Redis. */
function untilTimeout<R>(timeout: number, signal: AbortSignal | undefined, work: () => Promise<R>): Promise<R> {
  const message = `\`compression\`, \`overflow\` or \`schema\` took longer than \`timeout\`, ${timeout} ms`;
  return raceDeadline(timeout, signal, work, { late: () => new RedisPatternsError("HOOK_TIMEOUT", message) });
}

function checkCodecOptions<T>({ codec, compression, overflow, schema }: CodecOptions<T>): void {
  checkCodec(codec);
  checkMethods("compression", compression, "deflate()", "compress", "decompress");
  checkMethods("overflow", overflow, "{ put, get }", "put", "get");
  checkMethods("schema", schema?.["~standard"] ?? schema, "a Standard Schema", "validate");
  if (compression) checkName("compression.name", compression.name);
}

function writeText(codec: Codec | undefined, value: unknown): Written {
  if (value === undefined) return { letter: "u", text: "" };
  if (isPlain(value, 100)) return { letter: "j", text: JSON.stringify(value) };
  if (codec) return { letter: "c", text: checkString("codec.encode", codec.encode(value)) };
  return { letter: "j", text: encodeJson(value, "value", "convert it, or pass a `codec`") };
}

/** Whether JSON gives the value back exactly. It is the quick answer for most values, and says no to some that JSON is good enough for. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object") return typeof value === "string" || typeof value === "boolean";
  if (value === null) return true;
  const isList = Array.isArray(value);
  if (!isList && ![Object.prototype, null].includes(Object.getPrototypeOf(value))) return false;
  const parts = Object.values(value);
  // Holes in an array, and properties beside its items.
  if (isList && parts.length !== value.length) return false;
  return depth > 0 && parts.every((part) => isPlain(part, depth - 1));
}

function checkString(call: string, text: unknown): string {
  if (typeof text === "string") return text;
  throw new OptionError(`\`${call}()\` must return a string`);
}

/** The value of an unpacked text, boxed, or nothing where it is no JSON. */
function readText<T>(codec: Codec | undefined, letters: string, text: string): Decoded<T> {
  if (letters.startsWith("u")) return { value: unchecked<T>(undefined) };
  if (letters.startsWith("c")) return codec && { value: unchecked<T>(codec.decode(text)) };
  try {
    return { value: JSON.parse(text) };
  } catch {
    // Its error would show a part of the value. What is no JSON is loaded and written anew.
    return undefined;
  }
}

async function unpack<T>(
  { compression, overflow }: CodecOptions<T>,
  letters: string,
  text: string,
): Promise<string | null | undefined> {
  const stored = letters.endsWith("x") ? await fetchObject(overflow, text) : text;
  return letters[1] === "z" && typeof stored === "string" ? compression?.decompress(stored) : stored;
}

/** Gets the object that an entry names, unless it is gone or another write's. */
async function fetchObject(overflow: Overflow | undefined, text: string): Promise<string | undefined> {
  const [stamp, name] = [text.slice(0, stampLength), text.slice(stampLength)];
  const object = await overflow?.get(name);
  return object?.startsWith(stamp) ? object.slice(stampLength) : undefined;
}

async function validate<T>(schema: StandardSchema<T>, value: unknown): Promise<Decoded<T>> {
  const result = await schema["~standard"].validate(value);
  return result.issues ? undefined : { value: result.value };
}
