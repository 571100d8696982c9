import { keyOf } from "../../keys.ts";
import { newSecret, parseSecret, randomText, type Secret, sha256, userTag } from "../../crypto.ts";

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

/**
 * What a token says: where its session lives, and the digest that proves it. `owner` is 144 bits of the hash of the user, or random
 * while anonymous; its first 10 bits are the bucket. `sid` names the session for its whole life, and `rotate` renews the secret bits.
 */
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

/** How many hash tags the sessions are spread over. */
export const buckets = 1_024;

/** @returns What the token says, or `null` where the text does not have the shape of one: it need not be looked for. */
export async function identify(prefix: string, token: string): Promise<Identity | null> {
  const secret = parseSecret(token);
  return secret && toIdentity(prefix, token, secret);
}

/** @returns What a new token of the owner says; `sid` is new unless the session keeps its place. */
export function newIdentity(prefix: string, owner: string, sid = randomText(12)): Promise<Identity> {
  return toIdentity(prefix, newSecret(owner, sid), { owner, name: sid });
}

async function toIdentity(prefix: string, token: string, { owner, name: sid }: Secret): Promise<Identity> {
  return { token, id: publicId(owner, sid), owner, sid, digest: await sha256(token), keys: keysOf(prefix, owner, sid) };
}

/** @returns What names the session in public: its bucket, to find it by, and its name there. */
export function publicId(owner: string, sid: string): string {
  return `${bucketOf(owner)}.${sid}`;
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
