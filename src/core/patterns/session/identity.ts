import { newSecret, parseSecret, randomText, type Secret, sha256 } from "../../crypto.ts";
import { bucketOf, buckets, keysOf, type SessionKeys } from "./format/keys.ts";

/** What the scripts of a session are told: its keys, and the digest of the token. */
export interface SessionArgs extends SessionKeys {
  readonly digest: string;
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
  readonly args: SessionArgs;
}

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
  const digest = await sha256(token);
  return { token, id: publicId(owner, sid), owner, sid, args: { ...keysOf(prefix, owner, sid), digest } };
}

/** @returns What names the session in public: its bucket, to find it by, and its name there. */
export function publicId(owner: string, sid: string): string {
  return `${bucketOf(owner)}.${sid}`;
}

/** @returns The bucket and the sid in a public id. */
export function parsePublicId(id: string): { readonly bucket: string; readonly sid: string } | null {
  const [, bucket = "", sid = ""] = /^(\d{1,4})\.([\w-]{16})$/.exec(id) ?? [];
  return sid !== "" && Number(bucket) < buckets ? { bucket, sid } : null;
}
