import { checkCount, checkOptions } from "../../../check.ts";
import { randomText } from "../../../crypto.ts";
import { backoff } from "../../../wait/backoff.ts";
import { sleep } from "../../../wait/sleep.ts";
import { argsOf, type SessionState } from "../context.ts";
import { encodePatch, type SessionPatch, tooManyFields } from "../data.ts";
import { SessionConflictError, SessionTooLargeError } from "../errors.ts";
import { reportGone, stateOf } from "../live-session.ts";
import { swapScript } from "../scripts/swap.lua.ts";
import type { Session, SessionCallOptions } from "../session.ts";

/** Options of `updateSession`. */
export interface UpdateOptions extends SessionCallOptions {
  /**
   * The largest number of attempts while others keep writing.
   * @default 50
   */
  readonly attempts?: number | undefined;
}

const pauses = { first: 2, factor: 2, most: 64 };

/**
 * Computes new values from the current ones and writes them only if nothing was written in between; else it computes again from
 * what is there now. Each attempt is one round trip, the first too: the session object knows the version that it was read at.
 * @returns The data as written.
 * @throws {SessionGoneError} The session has ended; nothing was written.
 * @throws {SessionConflictError} Others wrote first, `attempts` times in a row.
 * @throws {SessionTooLargeError} The data would exceed `maxBytes`; nothing was written.
 * @example
 * const sessions = createSessions<{ visits?: number }>(redis, { prefix: "shop", idle: minutes(30), absolute: hours(12) });
 * const session = await sessions.read(token);
 * if (session) await updateSession(session, ({ visits = 0 }) => ({ visits: visits + 1 }));
 */
export async function updateSession<Data extends object>(
  session: Session<Data>,
  change: (data: Readonly<Data>) => SessionPatch<Data> | Promise<SessionPatch<Data>>,
  options: UpdateOptions = {},
): Promise<Readonly<Data>> {
  const { attempts = 50, signal } = checkOptions(options, "{ attempts: 10 }");
  const state = stateOf(session);
  for (let attempt = 0; attempt < checkCount("attempts", attempts); attempt += 1) {
    if (attempt > 0) await sleep(backoff(attempt - 1, pauses), signal);
    if (await writeIfUnchanged(state, await change(session.data), signal)) return session.data;
  }
  throw new SessionConflictError(attempts);
}

async function writeIfUnchanged(state: SessionState, patch: object, signal: AbortSignal | undefined): Promise<boolean> {
  const { context, identity, snapshot } = state;
  const values = {
    ...argsOf(context, identity),
    request: randomText(6),
    maxBytes: context.maxBytes,
    ...encodePatch(context, patch),
    expected: snapshot.version,
  };
  const result = await swapScript(context.redis, values, { signal, idempotent: true });
  if (!result) throw reportGone(state);
  if (result.outcome === "too large") throw new SessionTooLargeError(context.maxBytes);
  if (result.outcome === "too many") throw tooManyFields();
  state.snapshot = result.snapshot;
  state.data = undefined;
  return result.outcome === "written";
}
