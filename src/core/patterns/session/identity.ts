import { newSecret, parseSecret, randomText, type Secret, sha256 } from "../../crypto.ts";
import { bucketCount, bucketOf, keysOf, type SessionKeys } from "./format/keys.ts";

/** The arguments that every script of a session takes: its keys, and the digest of the token. */
export interface SessionArgs extends SessionKeys {
  readonly digest: string;
}

/** A token and all that it says: where its session lives, and the digest that proves it. */
export interface Identity {
  /** The secret for the cookie. */
  readonly token: string;
  /** The token as it came, if it was signed as it would be signed today. */
  readonly signed?: string | undefined;
  /** Names the session in public: it opens nothing. */
  readonly id: string;
  /** 144 bits of the hash of the user, or random ones while anonymous; the first 10 are the bucket. */
  readonly owner: string;
  /** Names the session for its whole life, while `rotate` renews the secret. */
  readonly sid: string;
  readonly args: SessionArgs;
}

/** @returns `null` where the text does not have the shape of a token: it need not be looked for. */
export async function identify(prefix: string, token: string): Promise<Identity | null> {
  const secret = parseSecret(token);
  return secret && toIdentity(prefix, token, secret);
}

/** Creates a token. The sid is new unless the session keeps its place. */
export function createIdentity(prefix: string, owner: string, sid = randomText(12)): Promise<Identity> {
  return toIdentity(prefix, newSecret(owner, sid), { owner, name: sid });
}

async function toIdentity(prefix: string, token: string, { owner, name: sid }: Secret): Promise<Identity> {
  const digest = await sha256(token);
  return { token, id: toPublicId(owner, sid), owner, sid, args: { ...keysOf(prefix, owner, sid), digest } };
}

/** The bucket, to find the session by, and its name there. */
export function toPublicId(owner: string, sid: string): string {
  return `${bucketOf(owner)}.${sid}`;
}

/** @returns `null` where the text is no public id. */
export function parsePublicId(id: string): { readonly bucket: string; readonly sid: string } | null {
  const [, bucket = "", sid = ""] = /^(\d{1,4})\.([\w-]{16})$/.exec(id) ?? [];
  return sid !== "" && Number(bucket) < bucketCount ? { bucket, sid } : null;
}
