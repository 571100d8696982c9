import { keyOf } from "../../../keys.ts";
import { replayWindow, userTag } from "../../../crypto.ts";
import { contexts, report } from "../context.ts";
import { buckets, keysOf } from "../identity.ts";
import { revokeScript, unlistScript } from "../scripts/revoke.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/** Options of `revokeSession`. */
export interface RevokeOptions extends SessionCallOptions {
  /**
   * End it only if it is this user's. Pass it whenever the id comes from a user: `undefined` is refused, and not anyone.
   * @default anyone's: for administrators
   */
  readonly user?: string;
}

/**
 * Ends one session by its public id: the "sign out" beside a device in a list.
 * @returns Whether there is such a session; one that has just been ended counts.
 */
export async function revokeSession(
  sessions: Sessions<object>,
  id: string,
  options: RevokeOptions = {},
): Promise<boolean> {
  const { user, signal } = options;
  const context = contexts.of(sessions);
  // A user who is nobody by mistake must not have the rights of an administrator.
  const owner = "user" in options ? await userTag(context.prefix, user ?? "") : "";
  const [, bucket = "", sid = ""] = /^(\d{1,4})\.([\w-]{16})$/.exec(id) ?? [];
  if (sid === "" || Number(bucket) >= buckets) return false;
  const call = { signal, idempotent: true };
  const session = keyOf(context.prefix, bucket, `s1:${sid}`);
  const revoked = await revokeScript(context.redis, { session, owner, tombstone: replayWindow }, call);
  if (!revoked) return false;
  report(context, "revoked", id);
  if (revoked.number === "0") return true;
  const { index } = keysOf(context.prefix, revoked.owner, sid);
  await unlistScript(context.redis, { index, member: `${revoked.number}:${sid}` }, call);
  return true;
}
