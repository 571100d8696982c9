import { checkDuration } from "../../../check.ts";
import { contexts, trust } from "../context.ts";
import { extendScript } from "../scripts/extend.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/**
 * Moves the absolute end of a session to `ttl` from now, later or earlier, and counts as a use. It still ends when it is idle.
 * @param ttl In milliseconds.
 * @returns When it ends now, or `null` if there is no such session.
 */
export async function extendSession(
  sessions: Sessions<object>,
  token: string,
  ttl: number,
  { signal }: SessionCallOptions = {},
): Promise<number | null> {
  const context = contexts.of(sessions);
  const values = { ttl: checkDuration("ttl", ttl) };
  const identity = await trust(context, token);
  if (!identity) return null;
  return (await extendScript(context.redis, { ...identity.args, ...values }, { signal, idempotent: true })) || null;
}
