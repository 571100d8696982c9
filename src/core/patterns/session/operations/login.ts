import { checkFlag, checkOptions, checkText } from "../../../check.ts";
import { randomText } from "../../../crypto.ts";
import { argsOf, contextOf, report, type SessionContext, type SessionState, signIdentity } from "../context.ts";
import {
  createSession,
  orGiveUp,
  type PreparedSession,
  prepareSession,
  type SessionDevice,
  storeSession,
} from "../create.ts";
import { encodePatch, type SessionPatch, tooManyFields } from "../data.ts";
import { SessionTooLargeError } from "../errors.ts";
import { decodeSnapshot, type Snapshot } from "../format/snapshot.ts";
import { createIdentity } from "../identity.ts";
import { openSession, reportGone, stateOf } from "../live-session.ts";
import { chooseLimits } from "../options.ts";
import { finishLeaveScript, leaveScript, renewScript, undoLeaveScript } from "../scripts/login.lua.ts";
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
 * @throws {SessionTooLargeError} The data would exceed `maxBytes`; `current` is alive.
 * @throws {SessionDataError} `current` was written with another codec; it is alive.
 * @throws {ConnectionError} Redis was not reached, or its answer was lost: `current` may have ended, and the visitor logs in again.
 */
export async function loginSession<Data extends object>(
  sessions: Sessions<Data>,
  current: Session<Data> | null,
  user: string,
  options: LoginOptions<Data> = {},
): Promise<Session<Data>> {
  const context = contextOf(sessions);
  checkText("user", user);
  checkOptions(options, "{ data }");
  if (!current) return createSession<Data>(context, { ...options, user, data: options.data ?? {} });
  const state = stateOf(current);
  if (state.snapshot.user !== user) return switchUser<Data>(context, state, user, options);
  return reauthenticate<Data>(context, state, options);
}

async function reauthenticate<Data extends object>(
  context: SessionContext,
  state: SessionState,
  { remember = state.snapshot.remembered === 1, data = {}, signal }: LoginOptions<Data>,
): Promise<Session<Data>> {
  const { owner, sid } = state.identity;
  const { idle, absolute } = chooseLimits(context, checkFlag("remember", remember));
  const next = await signIdentity(context, await createIdentity(context.prefix, owner, sid));
  const values = {
    ...argsOf(context, state.identity),
    newDigest: next.args.digest,
    idleLimit: idle,
    absoluteLimit: absolute,
    remembered: remember ? 1 : 0,
    request: randomText(6),
    maxBytes: context.maxBytes,
    ...encodePatch(context, data),
  };
  const send = () => renewScript(context.redis, values, { signal, idempotent: true });
  const reply = await orGiveUp(context, next, signal, send);
  if (typeof reply === "number") throw reply === -1 ? new SessionTooLargeError(context.maxBytes) : tooManyFields();
  const renewed = decodeSnapshot(reply);
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
  const { session, user: owner, index } = state.identity.args;
  const prepared = await prepareSession(context, { ...options, user, data: options.data ?? {} });
  const values = { ...argsOf(context, state.identity), request: randomText(9) };
  const left = await leaveScript(context.redis, values, { signal: options.signal, idempotent: true });
  if (!left) throw reportGone(state);
  const step = { session, user: owner, index, request: values.request };
  const next = await enter<Data>(context, prepared, left, step);
  // The login is done: an entry that is left over is dropped by the next list, and in five minutes by itself.
  if (left.user !== null) await finishLeaveScript(context.redis, step, { idempotent: true }).catch(() => false);
  return next;
}

/** The second half of the login. The signal of the caller does not end it: the visitor would have no session at all. */
async function enter<Data extends object>(
  context: SessionContext,
  prepared: PreparedSession,
  left: Snapshot,
  step: Parameters<typeof undoLeaveScript>[1],
): Promise<Session<Data>> {
  try {
    return await storeSession<Data>(context, prepared, left.user === null ? left.lines.slice(1) : [], {});
  } catch (error) {
    // The caller's error is why the login failed, even if this fails too.
    if (isRefused(error)) await undoLeaveScript(context.redis, step, { idempotent: true }).catch(() => false);
    throw error;
  }
}

/** Whether a failed command certainly changed nothing. After a lost answer the new session may exist, and two must not live. */
function isRefused(error: unknown): boolean {
  const { code, sent } = Object(error);
  return sent === false || (sent === undefined && typeof code === "string");
}
