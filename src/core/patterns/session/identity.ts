import { keyOf } from "../../keys.ts";
import { randomText, sha256, userTag } from "../../crypto.ts";

/** The keys of one session, all in the hash slot of its bucket. */
export interface SessionKeys {
  /** The session: a hash. */
  readonly session: string;
  /** Its user's epoch. */
  readonly user: string;
  /** Its user's live sessions by expiry. */
  readonly index: string;
  /** The generation of its bucket. */
  readonly bucket: string;
}

/** What a token says: where its session lives, and the digest that proves it. */
export interface Identity {
  /** The secret for the cookie. */
  readonly token: string;
  /** What the token came as, if its signature is up to date. */
  readonly signed?: string | undefined;
  /** Names the session in public: it opens nothing. */
  readonly id: string;
  readonly owner: string;
  readonly sid: string;
  readonly digest: string;
  readonly keys: SessionKeys;
}

/**
 * `owner` is 144 bits of the hash of the user, or random while anonymous; its first 10 bits are the bucket. `sid` names the session
 * for its whole life; the last 43 characters are the 256 secret bits that `rotate` renews. Only the digest of the whole is stored.
 */
const shape = /^([\w-]{24})([\w-]{16})[\w-]{43}$/;

/** How many hash tags the sessions are spread over. */
export const buckets = 1_024;

/** Whether the text has the shape of a token; what has not need not be looked for. */
export function isToken(text: string): boolean {
  return shape.test(text);
}

/** @returns What the token says. */
export async function identify(prefix: string, token: string): Promise<Identity> {
  const [, owner = "", sid = ""] = shape.exec(token) ?? [];
  return { token, id: publicId(owner, sid), owner, sid, digest: await sha256(token), keys: keysOf(prefix, owner, sid) };
}

/** @returns What names the session in public: its bucket, to find it by, and its name there. */
export function publicId(owner: string, sid: string): string {
  return `${bucketOf(owner)}.${sid}`;
}

/** @returns A new token of the owner; `sid` is new unless the session keeps its place. */
export function newToken(owner: string, sid = randomText(12)): string {
  return owner + sid + randomText(32);
}

/** @returns The owner part of the user's tokens, or a random one while there is no user. */
export async function ownerOf(prefix: string, user: string | undefined): Promise<string> {
  return user === undefined ? randomText(18) : userTag(prefix, user);
}

/** @returns The keys of the owner's session. */
export function keysOf(prefix: string, owner: string, sid: string): SessionKeys {
  const key = (part: string) => keyOf(prefix, String(bucketOf(owner)), part);
  return {
    session: key(`s1:${sid}`),
    user: key(`u1:${owner}`),
    index: key(`l1:${owner}`),
    bucket: bucketKey(prefix, bucketOf(owner)),
  };
}

/** @returns The key of a bucket's generation. */
export function bucketKey(prefix: string, bucket: number): string {
  return keyOf(prefix, String(bucket), "g1");
}

function bucketOf(owner: string): number {
  const [high = 0, low = 0] = Array.from(owner.slice(0, 2), (character) => alphabet.indexOf(character));
  return (high << 4) | (low >> 2);
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
