import { OptionError } from "../../errors.ts";
import { SessionGoneError } from "./errors.ts";
import type { Redis } from "../../port/redis.ts";
import { randomText, userTag } from "../../crypto.ts";
import { type Context, contexts, rememberToken, report, trust } from "./context.ts";
import { create, type NewSession } from "./create.ts";
import { keysOf } from "./format/keys.ts";
import { contextFrom, type SessionOptions } from "./options.ts";
import { readScript } from "./scripts/read.lua.ts";
import { revokeAllScript } from "./scripts/revoke-all.lua.ts";
import { heldBy, type Session, type SessionCallOptions, sessionOf } from "./session.ts";

/** Options of `revokeAll`. */
export interface RevokeAllOptions extends SessionCallOptions {
  /** The one session to keep: that of the user who asks. */
  readonly except?: object | undefined;
}

/** The sessions of an application. */
export interface Sessions<Data extends object> {
  /**
   * Starts a session.
   * @throws {SessionLimitError} The user has `maxPerUser` sessions and `atLimit` is `refuse`.
   * @throws {SessionTooLargeError} The data exceeds `maxBytes`.
   */
  create(session: NewSession<Data>): Promise<Session<Data>>;
  /**
   * Reads a session by its token in one round trip, and writes down its use if `touchEvery` has passed.
   * @returns `null` if there is none: unknown, expired, destroyed or revoked. What is no token of ours costs no round trip.
   */
  read(token: string | null | undefined, options?: SessionCallOptions): Promise<Session<Data> | null>;
  /**
   * Ends all sessions of a user, however many there are, at the cost of one.
   * @throws {SessionGoneError} The session to keep had ended; all others have too.
   */
  revokeAll(user: string, options?: RevokeAllOptions): Promise<void>;
}

/**
 * Sessions that stay logged out: every read and write checks, in the same script, that the session was not ended.
 * @example
 * const sessions = createSessions<{ cart: string[] }>(redis, { idle: minutes(30), absolute: hours(12) });
 * const { token } = await sessions.create({ user: "u1", data: { cart: [] } });
 * const session = await sessions.read(token);
 * await session?.set({ cart: ["book"] });
 * await session?.destroy();
 */
export function createSessions<Data extends object = Record<string, unknown>>(
  redis: Redis,
  options: SessionOptions,
): Sessions<Data> {
  const context = contextFrom(redis, options);
  return contexts.bind<Sessions<Data>>(
    {
      create: (session) => create(context, session),
      read: (token, options) => read(context, token, options),
      revokeAll: (user, options) => revokeAll(context, user, options),
    },
    context,
  );
}

async function read<Data extends object>(
  context: Context,
  token: string | null | undefined,
  { signal }: SessionCallOptions = {},
): Promise<Session<Data> | null> {
  const known = context.known.get(token);
  const identity = known ?? (await trust(context, token));
  if (!identity) return null;
  const { redis, touchEvery } = context;
  const found = await readScript(redis, { ...identity.args, touchEvery }, { signal, idempotent: true });
  if (!found) return null;
  const session = await sessionOf<Data>(context, identity, found);
  if (!known) rememberToken(context, token, { ...identity, signed: session.token });
  return session;
}

async function revokeAll(context: Context, user: string, { except, signal }: RevokeAllOptions = {}): Promise<void> {
  const owner = await userTag(context.prefix, user);
  const kept = except && heldBy(except).identity;
  if (kept && kept.owner !== owner) throw new OptionError("`except` must be a session of the user");
  const values = { ...keysOf(context.prefix, owner, "-"), digest: "", ...kept?.args, request: randomText(9) };
  const alive = await revokeAllScript(context.redis, values, { signal, idempotent: true });
  report(context, "revoked");
  if (kept && !alive) throw new SessionGoneError();
}
