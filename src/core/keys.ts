import { checkText } from "./check.ts";
import { OptionError } from "./errors.ts";

/**
 * The longest id, in UTF-16 units. Each takes at most three bytes in a key, which stays below the 32 KB that Upstash allows a key.
 */
export const maxIdLength = 10_240;

/**
 * The permanent keys of durable patterns, as regular expressions over the key. Every other key that a pattern writes has a TTL.
 */
export const permanentKeys: readonly RegExp[] = [];

/**
 * Names one key of an entity: `prefix:{id}:part`. The id alone is the hash tag, so that all keys of one entity share a Cluster slot;
 * `%`, `{` and `}` in it are percent-encoded, so that no id can forge another's key.
 * @throws {OptionError} The id is empty, not a string, or longer than `maxIdLength`.
 */
export function keyOf(prefix: string, id: string, part?: string): string {
  const key = `${prefix}:{${encodeId(id)}}`;
  return part === undefined ? key : `${key}:${part}`;
}

/** Lets a key prefix through: not empty, and without braces, which would move the hash tag. */
export function keyPrefix(prefix: string): string {
  if (!/[{}]/.test(checkText("prefix", prefix))) return prefix;
  throw new OptionError("`prefix` must not contain `{` or `}`: they would change the Cluster slot of every key");
}

/** Percent-encodes what has a meaning inside a key, and halves of a character, which would all be the same in UTF-8. */
export function encodeId(id: string): string {
  if (checkText("id", id).length <= maxIdLength) return id.replace(/[%{}\p{Surrogate}]/gu, encodeUnit);
  throw new OptionError(`\`id\` must have at most ${maxIdLength} characters; use a hash of it`);
}

function encodeUnit(unit: string): string {
  return unit < "\ud800" ? encodeURIComponent(unit) : `%u${unit.charCodeAt(0).toString(16)}`;
}

/** Reads an id back from what `encodeId` wrote. */
export function decodeId(encoded: string): string {
  return encoded.replace(/%(?:u(d[89a-f]..)|25|7B|7D)/g, (code, unit?: string) =>
    unit ? String.fromCharCode(Number.parseInt(unit, 16)) : decodeURIComponent(code),
  );
}
