import { keyOf, namespaceOf } from "../../../keys.ts";

/** The keys of one session, all in the hash slot of its bucket. The digit in a key's name is the version of the format. */
export interface SessionKeys {
  /** The session's record, a hash: see `record.ts`. */
  readonly session: string;
  /**
   * Its user, a hash. `e`: the epoch; `n`: how many sessions the user has had; `w`: sessions up to this number have been evicted; `r`:
   * the last revocation.
   */
  readonly user: string;
  /** Its user's live sessions, a sorted set: `number:sid`, by the instant at which the session ends if it is not used. */
  readonly index: string;
  /** Its bucket, a hash. `e`: the generation; `r`: the last revocation. */
  readonly bucket: string;
}

/** The number of hash tags that the sessions are spread over. */
export const bucketCount = 1_024;

/** @param bucket That of the owner, unless only the bucket is known. */
export function keysOf(prefix: string, owner: string, sid: string, bucket = String(bucketOf(owner))): SessionKeys {
  const namespace = namespaceOf("session", prefix);
  return {
    session: keyOf(namespace, bucket, `s1:${sid}`),
    user: keyOf(namespace, bucket, `u1:${owner}`),
    index: keyOf(namespace, bucket, `l1:${owner}`),
    bucket: keyOf(namespace, bucket, "g1"),
  };
}

/** The first 10 bits of an owner. */
export function bucketOf(owner: string): number {
  const bytes = atob(owner.slice(0, 4).replaceAll("-", "+").replaceAll("_", "/"));
  return (bytes.charCodeAt(0) << 2) | (bytes.charCodeAt(1) >> 6);
}

/** The Lua expression of the session's member of the index. The sid is the end of the record's key. */
export const memberOfSession = 'number .. ":" .. string.sub(session, -16)';

export function toMember(number: string, sid: string): string {
  return `${number}:${sid}`;
}

export function sidOf(member: string): string {
  return member.slice(member.indexOf(":") + 1);
}
