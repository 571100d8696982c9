import { checkText } from "../../../check.ts";
import { randomText } from "../../../crypto.ts";
import { ConnectionError, RedisPatternsError } from "../../../errors.ts";
import { contextOf, report, type SessionContext, type SessionState } from "../context.ts";
import { createSession, type SessionDevice } from "../create.ts";
import { decodeData, type SessionPatch } from "../data.ts";
import { createIdentity } from "../identity.ts";
import { openSession, reportGone, stateOf } from "../live-session.ts";
import { chooseLimits } from "../options.ts";
import { leaveScript, renewScript, undoLeaveScript } from "../scripts/login.lua.ts";
import type { Session, SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/** Options of `loginSession`. */
export interface LoginOptions<Data extends object> extends SessionDevice, SessionCallOptions {
  /**
   * Data that the session holds besides that of the anonymous one.
   * @default none
   */
  readonly data?: SessionPatch<Data> | undefined;
  /**
   * True for the limits of the option `remember` instead of the usual ones.
   * @default as before for the same user, else false
   */
  readonly remember?: boolean | undefined;
}

/**
 * Gives a visitor who has just proved who they are a session of their own, under a new token. An anonymous session brings its data
 * along; the session of another user ends and leaves nothing. For the same user it is a re-authentication: `requireFresh` is content,
 * and the absolute limit starts again. The old token ends at once, without grace.
 *
 * A new user means a new hash slot, so the old session ends first and the new one begins in a second round trip: a crash between
 * them logs out, and never leaves two sessions.
 * @param current The session that the visitor has, or `null`.
 * @returns The session from now on; `current` has ended.
 * @throws {SessionGoneError} `current` has ended meanwhile, perhaps by a login that was sent twice.
 * @throws {SessionLimitError} The user has `maxPerUser` sessions and `atLimit` is `refuse`; `current` is alive.
 * @throws {SessionTooLargeError} The data would exceed `maxBytes`.
 */
export async function loginSession<Data extends object>(
  sessions: Sessions<Data>,
  current: Session<Data> | null,
  user: string,
  options: LoginOptions<Data> = {},
): Promise<Session<Data>> {
  const context = contextOf(sessions);
  checkText("user", user);
  if (!current) return createSession<Data>(context, { ...options, user, data: options.data ?? {} });
  const state = stateOf(current);
  if (state.snapshot.user !== user) return switchUser<Data>(context, state, user, options);
  const renewed = await reauthenticate<Data>(context, state, options);
  if (options.data) await renewed.set(options.data, { signal: options.signal });
  return renewed;
}

async function reauthenticate<Data extends object>(
  context: SessionContext,
  state: SessionState,
  { remember = state.snapshot.remembered === 1, signal }: LoginOptions<Data>,
): Promise<Session<Data>> {
  const { args, owner, sid } = state.identity;
  const { idle, absolute } = chooseLimits(context, remember);
  const next = await createIdentity(context.prefix, owner, sid);
  const values = {
    ...args,
    newDigest: next.args.digest,
    idleLimit: idle,
    absoluteLimit: absolute,
    remembered: remember ? 1 : 0,
  };
  const renewed = await renewScript(context.redis, values, { signal, idempotent: true });
  if (!renewed) throw reportGone(state);
  report(context, "renewed", next.id);
  return openSession(context, next, renewed);
}

async function switchUser<Data extends object>(
  context: SessionContext,
  state: SessionState,
  user: string,
  options: LoginOptions<Data>,
): Promise<Session<Data>> {
  const { args } = state.identity;
  const request = randomText(9);
  const left = await leaveScript(context.redis, { ...args, request }, { signal: options.signal, idempotent: true });
  if (!left) throw reportGone(state);
  const carried = left.user === null ? decodeData(context, left.lines) : {};
  try {
    return await createSession<Data>(context, { ...options, user, data: { ...carried, ...options.data } });
  } catch (error) {
    // After a lost answer the new session may exist, and two must not live.
    const refused = error instanceof RedisPatternsError && !(error instanceof ConnectionError);
    if (refused) await undoLeaveScript(context.redis, { session: args.session, request }, { idempotent: true });
    throw error;
  }
}
