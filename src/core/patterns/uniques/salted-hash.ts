import { setBounded } from "../../bounded-map.ts";
import { checkDuration, checkText } from "../../check.ts";
import { base64url, sha256 } from "../../crypto.ts";
import { OptionError } from "../../errors.ts";
import type { MemberHash } from "./options.ts";

/** Options of `saltedHash`. */
export interface SaltedHashOptions {
  /** A secret of at least 32 random characters, kept outside Redis. All processes need the same. */
  readonly salt: string;
  /**
   * For how long one salt is used, in milliseconds, such as `days(30)`. Each salt is made from the secret and its number, so that all
   * processes have the same. A period has the salt of the time at which it begins.
   * @default it never changes
   */
  readonly rotate?: number | undefined;
}

/** So many characters of base64url are stored of a member: 120 bits, so that two of a billion members are the same once in 10^18 times. */
const length = 20;

/**
 * Stores 120 bits of a salted SHA-256 in place of each member, so that who reads Redis sees no user's id or address, and without the secret
 * cannot try them.
 * @throws {OptionError} The secret is too short, or `rotate` is no duration.
 */
export function saltedHash({ salt, rotate }: SaltedHashOptions): MemberHash {
  if (checkText("salt", salt).length < 32) throw new OptionError("`salt` must have at least 32 random characters");
  const salts = new Map<number, string>();
  return {
    rotate: rotate === undefined ? undefined : checkDuration("rotate", rotate),
    async hash(members, rotation) {
      const own = salts.get(rotation) ?? (await deriveSalt(salt, rotation));
      // A value is kept and never its promise: in a Worker, no request may wait for what another one started.
      setBounded(salts, rotation, own, 8);
      return Promise.all(members.map(async (member) => (await sha256(`${own}:${member}`)).slice(0, length)));
    },
  };
}

/** The HMAC of the number of a rotation under the secret: nobody can tell another salt from it. */
async function deriveSalt(secret: string, rotation: number): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`uniques:${rotation}`));
  return base64url(new Uint8Array(mac));
}
