import { checkText } from "./check.ts";
import { OptionError } from "./errors.ts";
import { maxIdLength } from "./keys.ts";

/** @returns `bytes` random bytes of Web Crypto as base64url. */
export function randomText(bytes: number): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** @returns The SHA-256 of the text's UTF-8 form as 43 characters of base64url. */
export async function sha256(text: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

/** @returns The bytes in the alphabet of RFC 4648 section 5, without padding. */
export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** @returns The bytes of a base64url text, or `null` if it is none. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[\w-]+$/.test(text) || text.length % 4 === 1) return null;
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}

/**
 * @returns 144 bits of the hash of a user of an application, as 24 characters: what keys and tokens say instead of the user's id.
 * @throws {OptionError} The user is empty, too long, or malformed text: a lone surrogate has no UTF-8 form, so that two would be one.
 */
export async function userTag(prefix: string, user: string): Promise<string> {
  if (checkText("user", user).length <= maxIdLength && !/\p{Surrogate}/u.test(user)) {
    return (await sha256(`${prefix}:${user}`)).slice(0, 24);
  }
  throw new OptionError(`\`user\` must be well-formed text of at most ${maxIdLength} characters`);
}
