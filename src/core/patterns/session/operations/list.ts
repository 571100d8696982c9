import { userTag } from "../../../crypto.ts";
import { contexts } from "../context.ts";
import { keysOf, sidOf } from "../format/keys.ts";
import { parseHead } from "../format/snapshot.ts";
import { publicId } from "../identity.ts";
import { describeScript, membersScript } from "../scripts/list.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/** What a user may see of one of their sessions. Instants are the server's, in milliseconds since 1970. */
export interface SessionInfo {
  /** The public id: equal to `session.id`, good for `revokeSession`, good for no login. */
  readonly id: string;
  readonly createdAt: number;
  /** When its use was last written down, which may be `touchEvery` ago. */
  readonly seenAt: number;
  /** When it ends if it is not used again. */
  readonly expiresAt: number;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** How many records one script looks at. */
const page = 500;

/**
 * Lists the live sessions of a user, the newest first: two round trips, and one more for every 500 sessions.
 * @throws {OptionError} The user is empty or too long.
 */
export async function listSessions(
  sessions: Sessions<object>,
  user: string,
  { signal }: SessionCallOptions = {},
): Promise<SessionInfo[]> {
  const { redis, prefix } = contexts.of(sessions);
  const owner = await userTag(prefix, user);
  const keys = keysOf(prefix, owner, "-");
  const options = { signal, idempotent: true };
  const members = await membersScript(redis, keys, options);
  const found: SessionInfo[] = [];
  for (let from = 0; from < members.length; from += page) {
    const some = members.slice(from, from + page);
    const records = some.map((member) => keysOf(prefix, owner, sidOf(member)).session);
    const rows = await describeScript(redis, { ...keys, records, members: some }, options);
    found.push(...rows.map((row) => describe(owner, row)));
  }
  return found.sort((a, b) => b.createdAt - a.createdAt);
}

function describe(owner: string, [member = "", seen, head = ""]: readonly string[]): SessionInfo {
  const { ends, idle, createdAt, ip, userAgent } = parseHead(head, "ends");
  const seenAt = Number(seen);
  const expiresAt = Math.min(seenAt + idle, ends);
  return { id: publicId(owner, sidOf(member)), createdAt, seenAt, expiresAt, ip, userAgent };
}
