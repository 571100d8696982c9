import { checkText } from "./check.ts";
import { OptionError } from "./errors.ts";
import { maxIdLength } from "./keys.ts";

// Web Crypto and not node:crypto, which a Worker lacks.

/** Creates a random text: the given number of random bytes, as base64url. */
export function randomText(bytes: number): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** The digest of the text's UTF-8 form. */
export async function digest(algorithm: "SHA-1" | "SHA-256", text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, new TextEncoder().encode(text)));
}

/** The digest of the text's UTF-8 form, in hexadecimal digits. */
export async function hexDigest(algorithm: "SHA-1" | "SHA-256", text: string): Promise<string> {
  return Array.from(await digest(algorithm, text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The SHA-256 of the text's UTF-8 form, as 43 characters of base64url. */
export async function sha256(text: string): Promise<string> {
  return base64url(await digest("SHA-256", text));
}

/** The bytes in base64 (RFC 4648 section 4). */
export function base64(bytes: Uint8Array): string {
  return btoa(byteString(bytes));
}

/** A text with one character for each byte. */
export function byteString(bytes: Uint8Array): string {
  let text = "";
  // In pieces, since each byte becomes an argument, and their number is limited.
  for (let i = 0; i < bytes.length; i += 8_192) {
    text += Reflect.apply(String.fromCharCode, null, bytes.subarray(i, i + 8_192));
  }
  return text;
}

/** The bytes in base64url, without padding (RFC 4648 section 5). */
export function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of a base64 text. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return fromByteString(atob(text));
}

/** The bytes of a text with one character for each. */
export function fromByteString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The bytes of a base64url text, or `null` if the text is not base64url. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return null;
  return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

/**
 * A user's tag: 144 bits of the hash of the user's id, as 24 characters. Keys and secrets contain the tag, so that the id is not in them.
 * @throws {OptionError} The id is empty, too long, or malformed text. Lone surrogates have no UTF-8 form: different ids would get one tag.
 */
export async function userTag(prefix: string, user: string): Promise<string> {
  if (checkText("user", user).length <= maxIdLength && !/\p{Surrogate}/u.test(user)) {
    return (await sha256(`${prefix}:${user}`)).slice(0, 24);
  }
  throw new OptionError(`\`user\` must be well-formed text of at most ${maxIdLength} characters`);
}

/** The parts of a secret that are not secret. */
export interface Secret {
  /** The tag of its user, or 24 random characters. */
  readonly owner: string;
  /** The name of its record, 16 characters. */
  readonly name: string;
}

/** Creates a secret of owner, name and 256 random bits. Only the digest of the whole may be stored. */
export function newSecret(owner: string, name = randomText(12)): string {
  return owner + name + randomText(32);
}

/** Reads the owner and name of a secret, or `null` if the text does not have the shape of a secret. */
export function parseSecret(text: string): Secret | null {
  // Owner, name and 256 secret bits.
  return /^[\w-]{83}$/.test(text) ? { owner: text.slice(0, 24), name: text.slice(24, 40) } : null;
}

/**
 * The time during which a repetition of the same request gets the same answer, although the request has used up a token, in milliseconds.
 * After five minutes no client sends a request again.
 */
export const replayWindow = 300_000;
