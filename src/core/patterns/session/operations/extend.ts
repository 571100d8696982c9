import { checkDuration } from "../../../check.ts";
import { contextOf, verifyToken } from "../context.ts";
import { extendScript } from "../scripts/extend.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/**
 * Moves the absolute end of a session to `ttl` from now, later or earlier, and counts as a use. It still ends when it is idle.
 * @param ttl In milliseconds.
 * @returns The new end by the server's clock, in milliseconds since 1970, or `null` if there is no such session.
 */
export async function extendSession(
  sessions: Sessions<object>,
  token: string,
  ttl: number,
  { signal }: SessionCallOptions = {},
): Promise<number | null> {
  const context = contextOf(sessions);
  const values = { ttl: checkDuration("ttl", ttl) };
  const identity = await verifyToken(context, token);
  if (!identity) return null;
  return (await extendScript(context.redis, { ...identity.args, ...values }, { signal, idempotent: true })) || null;
}
