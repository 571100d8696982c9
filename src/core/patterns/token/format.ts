import { type Secret, sha256, userTag } from "../../crypto.ts";
import { encodeJson } from "../../data/json.ts";
import { encodeId, keyOf } from "../../keys.ts";

/** The place of a link or a code in Redis, and the digest that is stored of it. */
export interface TokenPlace {
  /** The key of its record. */
  readonly record: string;
  /** The key of its user's epoch. */
  readonly user: string;
  readonly digest: string;
}

/** A user may have any number of links, each with a name of its own. */
export async function locateLink(namespace: string, token: string, { owner, name }: Secret): Promise<TokenPlace> {
  return {
    record: keyOf(namespace, owner, `t1:${name}`),
    user: userKey(namespace, owner),
    digest: await sha256(token),
  };
}

/** A user has one code for each purpose. */
export async function locateCode(
  { namespace, prefix, pepper }: Readonly<Record<"namespace" | "prefix" | "pepper", string>>,
  user: string,
  purpose: string,
  code: string,
): Promise<TokenPlace> {
  const owner = await userTag(prefix, user);
  const digest = await sha256(`${pepper}:${owner}:${purpose}:${code}`);
  return { record: keyOf(namespace, owner, `c1:${encodeId(purpose)}`), user: userKey(namespace, owner), digest };
}

/** @param owner The user's tag. */
export function userKey(namespace: string, owner: string): string {
  return keyOf(namespace, owner, "u1");
}

// The fields of a record, a hash, as Lua has them.

/** Removed when the token is consumed. */
export const digestField = '"k"';
/** The user's epoch when the token was issued. */
export const epochField = '"e"';
export const purposeField = '"p"';
export const userField = '"u"';
export const dataField = '"d"';
/** The number of wrong attempts that are left. It is empty for a link, which has no limit. */
export const attemptsField = '"n"';
export const expiresAtField = '"a"';
/** The requests that issued the token, that consumed it, and that made the last wrong attempt. */
export const issuedByField = '"i"';
export const consumedByField = '"x"';
export const missedByField = '"l"';

// The fields of the user's key, a hash.

/** Tokens of an earlier epoch are revoked. */
export const userEpochField = '"e"';
/** The request that revoked last. */
export const revokedByField = '"r"';

/** @throws {OptionError} JSON does not give the data back as it was. The error names the place. */
export function encodeData(data: unknown): string {
  return encodeJson(data, "data", "pass plain JSON");
}

export function decodeData(text: string): unknown {
  return JSON.parse(text);
}
