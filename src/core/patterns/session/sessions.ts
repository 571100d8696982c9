import { checkOptions } from "../../check.ts";
import { randomText, userTag } from "../../crypto.ts";
import { OptionError } from "../../errors.ts";
import type { Redis } from "../../port/redis.ts";
import { argsOf, bindContext, rememberToken, report, type SessionContext, verifyToken } from "./context.ts";
import { createSession, type NewSession } from "./create.ts";
import { SessionGoneError } from "./errors.ts";
import { keysOf } from "./format/keys.ts";
import { openSession, stateOf } from "./live-session.ts";
import { createContext, type SessionOptions } from "./options.ts";
import { readScript } from "./scripts/read.lua.ts";
import { revokeAllScript } from "./scripts/revoke-all.lua.ts";
import type { Session, SessionCallOptions } from "./session.ts";

/** Options of `revokeAll`. */
export interface RevokeAllOptions extends SessionCallOptions {
  /**
   * The one session to keep: that of the user who asks.
   * @default none
   */
  readonly except?: object | undefined;
}

/** The sessions of an application. */
export interface Sessions<Data extends object> {
  /**
   * Starts a session, in one round trip.
   * @throws {SessionLimitError} The user has `maxPerUser` sessions and `atLimit` is `refuse`.
   * @throws {SessionTooLargeError} The data exceeds `maxBytes`.
   */
  create(session: NewSession<Data>): Promise<Session<Data>>;
  /**
   * Reads a session by its token in one round trip, and writes down its use if `touchEvery` has passed.
   * @throws {SessionDataError} It was written with another codec.
   * @returns `null` if it is unknown, expired, destroyed or revoked. A text that is no token costs no round trip.
   */
  read(token: string | null | undefined, options?: SessionCallOptions): Promise<Session<Data> | null>;
  /**
   * Ends all sessions of a user. However many there are, it costs as much as ending one.
   * @throws {SessionGoneError} The session to keep had ended already, so that all have ended.
   */
  revokeAll(user: string, options?: RevokeAllOptions): Promise<void>;
}

/**
 * Creates sessions that stay logged out: each read and each write checks in its own script that the session has not ended.
 * @example
 * const sessions = createSessions<{ cart: string[] }>(redis, { prefix: "shop", idle: minutes(30), absolute: hours(12) });
 * const { token } = await sessions.create({ user: "u1", data: { cart: [] } });
 * const session = await sessions.read(token);
 * await session?.set({ cart: ["book"] });
 * await session?.destroy();
 */
export function createSessions<Data extends object = Record<string, unknown>>(
  redis: Redis,
  options: SessionOptions,
): Sessions<Data> {
  const context = createContext(redis, options);
  return bindContext<Sessions<Data>>(
    {
      create: (session) => createSession(context, session),
      read: (token, options) => read(context, token, options),
      revokeAll: (user, options) => revokeAll(context, user, options),
    },
    context,
  );
}

async function read<Data extends object>(
  context: SessionContext,
  token: string | null | undefined,
  options: SessionCallOptions = {},
): Promise<Session<Data> | null> {
  const { signal } = checkOptions(options);
  const known = context.knownTokens.get(token);
  const identity = known ?? (await verifyToken(context, token));
  if (!identity) return null;
  const { redis, touchEvery } = context;
  const found = await readScript(redis, { ...argsOf(context, identity), touchEvery }, { signal, idempotent: true });
  if (!found) return null;
  const session = await openSession<Data>(context, identity, found);
  if (!known) rememberToken(context, token, { ...identity, signed: session.token });
  return session;
}

async function revokeAll(context: SessionContext, user: string, options: RevokeAllOptions = {}): Promise<void> {
  const { except, signal } = checkOptions(options, "{ except: session }");
  const owner = await userTag(context.prefix, user);
  const kept = except === undefined ? undefined : stateOf(except).identity;
  if (kept && kept.owner !== owner) throw new OptionError("`except` must be a session of the user");
  const values = { ...keysOf(context.prefix, owner, "-"), digest: "", ...kept?.args, request: randomText(9) };
  const alive = await revokeAllScript(context.redis, values, { signal, idempotent: true });
  report(context, "revoked");
  if (kept && !alive) throw new SessionGoneError();
}
