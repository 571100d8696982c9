import { checkText } from "../../../check.ts";
import { ConnectionError, RedisPatternsError } from "../../../errors.ts";
import { randomText } from "../../../crypto.ts";
import { type Context, contexts, type Held, report } from "../context.ts";
import { create, type SessionDevice } from "../create.ts";
import { decode, type SessionPatch } from "../data.ts";
import { newIdentity } from "../identity.ts";
import { comeBackScript, leaveScript, renewScript } from "../scripts/login.lua.ts";
import { limitsFor } from "../options.ts";
import { gone, heldBy, type Session, type SessionCallOptions, sessionOf } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/** Options of `loginSession`. */
export interface LoginOptions<Data extends object> extends SessionDevice, SessionCallOptions {
  /** What the session holds besides what the anonymous one held. */
  readonly data?: SessionPatch<Data> | undefined;
  /**
   * The limits of `remember` instead of the usual ones.
   * @default what they were for the same user, else false
   */
  readonly remember?: boolean | undefined;
}

/**
 * Gives a visitor who has just proved who they are a session of their own, under a new token. An anonymous session brings its data
 * along; another user's ends and leaves nothing. For the same user it is a re-authentication: `requireFresh` is content, and the
 * absolute limit starts again. The old token ends at once, without grace.
 *
 * A new user means a new hash slot, so the old session ends first and the new one begins in a second round trip: a crash between
 * them logs out, and never leaves two sessions.
 * @param current The session that the visitor has, or `null`.
 * @returns The session from now on; `current` has ended.
 * @throws {SessionGoneError} `current` has ended meanwhile, perhaps by a login sent twice.
 * @throws {SessionLimitError} As `create`; `current` is alive.
 */
export async function loginSession<Data extends object>(
  sessions: Sessions<Data>,
  current: Session<Data> | null,
  user: string,
  options: LoginOptions<Data> = {},
): Promise<Session<Data>> {
  const context = contexts.of(sessions);
  checkText("user", user);
  if (!current) return create<Data>(context, { ...options, user, data: options.data ?? {} });
  const held = heldBy(current);
  if (held.snapshot.user !== user) return enter<Data>(context, held, user, options);
  const renewed = await renew<Data>(context, held, options);
  if (options.data) await renewed.set(options.data, { signal: options.signal });
  return renewed;
}

async function renew<Data extends object>(
  context: Context,
  held: Held,
  { remember = held.snapshot.remembered === 1, signal }: LoginOptions<Data>,
): Promise<Session<Data>> {
  const { args, owner, sid } = held.identity;
  const { idle, absolute } = limitsFor(context, remember);
  const fresh = await newIdentity(context.prefix, owner, sid);
  const values = {
    ...args,
    newDigest: fresh.args.digest,
    idleLimit: idle,
    absoluteLimit: absolute,
    remembered: remember ? 1 : 0,
  };
  const renewed = await renewScript(context.redis, values, { signal, idempotent: true });
  if (!renewed) throw gone(held);
  report(context, "renewed", fresh.id);
  return sessionOf(context, fresh, renewed);
}

async function enter<Data extends object>(
  context: Context,
  held: Held,
  user: string,
  options: LoginOptions<Data>,
): Promise<Session<Data>> {
  const { args } = held.identity;
  const call = { signal: options.signal, idempotent: true };
  const request = randomText(9);
  const left = await leaveScript(context.redis, { ...args, request }, call);
  if (!left) throw gone(held);
  const carried = left.user === null ? decode(context, left.lines) : {};
  try {
    return await create<Data>(context, { ...options, user, data: { ...carried, ...options.data } });
  } catch (error) {
    // After a lost answer the new session may exist, and two must not live.
    const refused = error instanceof RedisPatternsError && !(error instanceof ConnectionError);
    if (refused) await comeBackScript(context.redis, { session: args.session, request }, { idempotent: true });
    throw error;
  }
}
