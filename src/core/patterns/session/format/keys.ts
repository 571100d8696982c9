import { keyOf } from "../../../keys.ts";

/** The keys of one session, all in the hash slot of its bucket. The digit in a key is the version of the format. */
export interface SessionKeys {
  /** The session's record: a hash, see `record.ts`. */
  readonly session: string;
  /**
   * Its user, a hash. `e`: the epoch; `n`: how many sessions the user has had; `w`: sessions up to this number are dead; `r`: the last
   * revocation.
   */
  readonly user: string;
  /** Its user's live sessions by the instant at which they end if they are not used: a sorted set of `number:sid`. */
  readonly index: string;
  /** Its bucket, a hash. `e`: the generation; `r`: the last revocation. */
  readonly bucket: string;
}

/** How many hash tags the sessions are spread over. */
export const buckets = 1_024;

export function keysOf(prefix: string, owner: string, sid: string, bucket = String(bucketOf(owner))): SessionKeys {
  return {
    session: keyOf(prefix, bucket, `s1:${sid}`),
    user: keyOf(prefix, bucket, `u1:${owner}`),
    index: keyOf(prefix, bucket, `l1:${owner}`),
    bucket: keyOf(prefix, bucket, "g1"),
  };
}

/** The first 10 bits of an owner. */
export function bucketOf(owner: string): number {
  const bytes = atob(owner.slice(0, 4).replaceAll("-", "+").replaceAll("_", "/"));
  return (bytes.charCodeAt(0) << 2) | (bytes.charCodeAt(1) >> 6);
}

/** Lua: what the index calls the session. The sid is the end of the record's key. */
export const memberOfSession = 'number .. ":" .. string.sub(session, -16)';

/** What the index calls a session. */
export function indexMember(number: string, sid: string): string {
  return `${number}:${sid}`;
}

/** The session that a member of the index names. */
export function sidOf(member: string): string {
  return member.slice(member.indexOf(":") + 1);
}
