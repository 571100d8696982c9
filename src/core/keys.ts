import { checkText } from "./check.ts";
import { OptionError } from "./errors.ts";

/**
 * The greatest length of an id, in UTF-16 units. A unit takes at most three bytes of UTF-8, so that keys stay below the 32 KB that Upstash
 * allows.
 */
export const maxIdLength = 10_240;

/**
 * The keys of durable patterns that have no TTL, as regular expressions. Every other key that a pattern writes has a TTL, unless its
 * `ttl` is "permanent".
 */
export const permanentKeys: readonly RegExp[] = [];

/**
 * Gives the name of one key of an entity: `pattern:prefix:{id}:part`. The id is the hash tag, so that all keys of one entity are in one slot of a
 * Cluster. `%`, `{` and `}` in the id are percent-encoded, so that different ids cannot get the same key.
 * @throws {OptionError} The id is empty, not a string, or longer than `maxIdLength`.
 */
export function keyOf(namespace: string, id: string, part?: string): string {
  const key = `${namespace}:{${encodeId(id)}}`;
  return part === undefined ? key : `${key}:${part}`;
}

/**
 * The first part of every key and channel of one instance: `pattern:prefix`, so that no two patterns share a key.
 * @throws {OptionError} The prefix is absent, empty, or contains braces.
 */
export function namespaceOf(pattern: string, prefix: string): string {
  return `${pattern}:${keyPrefix(prefix)}`;
}

/** Checks a key prefix. Braces in it would change the hash tag. */
export function keyPrefix(prefix: string): string {
  if (!/[{}]/.test(checkText("prefix", prefix))) return prefix;
  throw new OptionError("`prefix` must not contain `{` or `}`: they would change the Cluster slot of every key");
}

/** Percent-encodes the characters that have a meaning in a key, and lone surrogates, which would all be the same in UTF-8. */
export function encodeId(id: string): string {
  if (checkText("id", id).length > maxIdLength) {
    throw new OptionError(`\`id\` must have at most ${maxIdLength} characters; use a hash of it`);
  }
  // Most ids have nothing to encode, and a look is faster than a replacement.
  return /[%{}\ud800-\udfff]/.test(id) ? id.replace(/[%{}\p{Surrogate}]/gu, encodeUnit) : id;
}

function encodeUnit(unit: string): string {
  return unit < "\ud800" ? encodeURIComponent(unit) : `%u${unit.charCodeAt(0).toString(16)}`;
}

/** Reads an id that `encodeId` wrote. */
export function decodeId(encoded: string): string {
  if (!encoded.includes("%")) return encoded;
  return encoded.replace(/%(?:u(d[89a-f]..)|25|7B|7D)/g, (code, unit?: string) =>
    unit ? String.fromCharCode(Number.parseInt(unit, 16)) : decodeURIComponent(code),
  );
}
