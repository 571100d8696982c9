import { checkDuration, checkOptions } from "../../../check.ts";
import { argsOf, contextOf, verifyToken } from "../context.ts";
import { extendScript } from "../scripts/extend.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/**
 * Moves the absolute end of a session to `ttl` from now, later or earlier, and counts as a use. It still ends when it is idle.
 * @param ttl In milliseconds.
 * @throws {SessionDataError} It was written with another codec.
 * @returns The new end by the server's clock, in milliseconds since 1970, or `null` if there is no such session.
 */
export async function extendSession(
  sessions: Sessions<object>,
  token: string,
  ttl: number,
  options: SessionCallOptions = {},
): Promise<number | null> {
  const { signal } = checkOptions(options);
  const context = contextOf(sessions);
  const end = checkDuration("ttl", ttl);
  const identity = await verifyToken(context, token);
  if (!identity) return null;
  const values = { ...argsOf(context, identity), ttl: end };
  return (await extendScript(context.redis, values, { signal, idempotent: true })) || null;
}
