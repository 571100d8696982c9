import { checkOptions } from "../../../check.ts";
import { userTag } from "../../../crypto.ts";
import { contextOf, report } from "../context.ts";
import { keysOf, toMember } from "../format/keys.ts";
import { parsePublicId } from "../identity.ts";
import { revokeScript, unlistScript } from "../scripts/revoke.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/** Options of `revokeSession`. */
export interface RevokeOptions extends SessionCallOptions {
  /**
   * The user whose session it must be. Pass it whenever the id comes from a user. `undefined` is refused: it does not mean anyone.
   * @default anyone: for administrators
   */
  readonly user?: string;
}

/**
 * Ends one session by its public id: the "sign out" beside a device in a list.
 * @returns True if there is such a session; one that has just been ended counts.
 */
export async function revokeSession(
  sessions: Sessions<object>,
  id: string,
  options: RevokeOptions = {},
): Promise<boolean> {
  const { user, signal } = checkOptions(options, "{ user }");
  const context = contextOf(sessions);
  // A caller whose user is `undefined` by mistake must not have the rights of an administrator.
  const requiredOwner = "user" in options ? await userTag(context.prefix, user ?? "") : "";
  const place = parsePublicId(id);
  if (!place) return false;
  const call = { signal, idempotent: true };
  const { session } = keysOf(context.prefix, "-", place.sid, place.bucket);
  const revoked = await revokeScript(context.redis, { session, requiredOwner }, call);
  if (!revoked) return false;
  report(context, "revoked", id);
  if (revoked.number === "0") return true;
  const { index } = keysOf(context.prefix, revoked.owner, place.sid);
  await unlistScript(context.redis, { index, member: toMember(revoked.number, place.sid) }, call);
  return true;
}
