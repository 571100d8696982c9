import { checkOptions } from "../../../check.ts";
import { userTag } from "../../../crypto.ts";
import { contextOf } from "../context.ts";
import { keysOf, sidOf } from "../format/keys.ts";
import { parseHead } from "../format/snapshot.ts";
import { toPublicId } from "../identity.ts";
import { describeRecordsScript, listMembersScript } from "../scripts/list.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/** One session in the list of its user. Instants are the server's, in milliseconds since 1970. */
export interface SessionInfo {
  /** The public id, the same as `session.id`: `revokeSession` takes it, and nobody can log in with it. */
  readonly id: string;
  /** When the session was created. */
  readonly createdAt: number;
  /** When its use was last written down; the last use may be up to `touchEvery` later. */
  readonly seenAt: number;
  /** When it ends if it is not used again. */
  readonly expiresAt: number;
  /** The address that `create` was given. */
  readonly ip: string | null;
  /** The user agent that `create` was given. */
  readonly userAgent: string | null;
}

/** The number of records that one script looks at. */
const pageSize = 500;

/**
 * Lists the live sessions of a user, the newest first: in one round trip, and one more for each 500 sessions or part of them.
 * @throws {OptionError} The user is empty or too long.
 */
export async function listSessions(
  sessions: Sessions<object>,
  user: string,
  callOptions: SessionCallOptions = {},
): Promise<SessionInfo[]> {
  const { signal } = checkOptions(callOptions);
  const { redis, prefix } = contextOf(sessions);
  const owner = await userTag(prefix, user);
  // Only the keys of the user and the bucket are used: "-" names no session.
  const keys = keysOf(prefix, owner, "-");
  const options = { signal, idempotent: true };
  const members = await listMembersScript(redis, keys, options);
  const found: SessionInfo[] = [];
  for (let from = 0; from < members.length; from += pageSize) {
    const page = members.slice(from, from + pageSize);
    const recordKeys = page.map((member) => keysOf(prefix, owner, sidOf(member)).session);
    const rows = await describeRecordsScript(redis, { ...keys, records: recordKeys, members: page }, options);
    found.push(...rows.map((row) => toInfo(owner, row)));
  }
  return found.sort((a, b) => b.createdAt - a.createdAt);
}

function toInfo(owner: string, [member = "", seen, head = ""]: readonly string[]): SessionInfo {
  const { ends, idle, createdAt, ip, userAgent } = parseHead(head, "ends");
  const seenAt = Number(seen);
  const expiresAt = Math.min(seenAt + idle, ends);
  return { id: toPublicId(owner, sidOf(member)), createdAt, seenAt, expiresAt, ip, userAgent };
}
