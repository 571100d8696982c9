import { callable, count, duration, durationOrZero, oneOf, port } from "../check.ts";
import { OptionError, SessionGoneError } from "../errors.ts";
import type { OnEvent } from "../event.ts";
import { keyPrefix } from "../keys.ts";
import type { Redis } from "../redis.ts";
import { integer } from "../reply.ts";
import { randomText } from "../secret.ts";
import { json, type SessionCodec } from "./codec.ts";
import { bindContext, type Context, heldBy, report, type SessionLimits, trust } from "./context.ts";
import { createScript } from "./create.lua.ts";
import { encode } from "./data.ts";
import { SessionLimitError, SessionTooLargeError } from "./errors.ts";
import { identify, keysOf, newToken, ownerOf } from "./identity.ts";
import { readScript } from "./read.lua.ts";
import { revokeAllScript } from "./revoke-all.lua.ts";
import { type Session, type SessionCallOptions, sessionOf } from "./session.ts";
import type { TokenSigner } from "./signer.ts";
import { snapshot } from "./snapshot.ts";

/** Options of `createSessions`. Durations are milliseconds. */
export interface SessionOptions extends SessionLimits {
  /**
   * What every key begins with.
   * @default "session"
   */
  readonly prefix?: string;
  /** The limits of sessions that are created with `remember: true`. */
  readonly remember?: SessionLimits;
  /**
   * How often the use of a session is written down. A session may end that much before `idle` has passed, never after.
   * @default the smaller of a minute and a tenth of `idle`
   */
  readonly touchEvery?: number;
  /**
   * How long the old token still works after `rotate`, so that requests in flight do not lose the user; 0 for not at all.
   * @default 10_000
   */
  readonly grace?: number;
  /** How many sessions a user may have at once. @default no limit */
  readonly maxPerUser?: number;
  /**
   * What a login does when the user has `maxPerUser` sessions: it ends the one that was created first, or throws.
   * @default "evict-oldest"
   */
  readonly atLimit?: "evict-oldest" | "refuse";
  /**
   * How large the data of one session may become, names included, in encoded bytes.
   * @default 65_536
   */
  readonly maxBytes?: number;
  /**
   * How values become text.
   * @default JSON, which refuses what it would change
   */
  readonly codec?: SessionCodec;
  /** Signs tokens, so that junk never reaches Redis: `hmacSigner([secret])`. */
  readonly signer?: TokenSigner;
  /** Is told of `created`, `rotated`, `destroyed`, `revoked` and `gone`, with the session's public id. */
  readonly onEvent?: OnEvent;
}

/** What a new session is created with. */
export interface NewSession<Data extends object> extends SessionCallOptions {
  /** Whose it is; without one it is anonymous. */
  readonly user?: string | undefined;
  /** What it holds from the start. */
  readonly data: Data;
  /** The limits of `remember` instead of the usual ones. @default false */
  readonly remember?: boolean | undefined;
  /** The address of the device, for the list of a user's sessions. */
  readonly ip?: string | undefined;
  /** The user agent of the device, for the list of a user's sessions; cut at 512 characters. */
  readonly userAgent?: string | undefined;
}

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
  const sessions: Sessions<Data> = {
    create: (session) => create(context, session),
    read: (token, options) => read(context, token, options),
    revokeAll: (user, options) => revokeAll(context, user, options),
  };
  return bindContext(sessions, context);
}

function contextFrom(redis: Redis, options: SessionOptions): Context {
  const {
    prefix = "session",
    remember,
    grace = 10_000,
    maxPerUser,
    atLimit = "evict-oldest",
    maxBytes = 65_536,
  } = options;
  const { touchEvery = Math.ceil(Math.min(60_000, options.idle / 10)), codec = json, signer, onEvent } = options;
  return {
    redis: port(redis),
    prefix: keyPrefix(prefix),
    ...limits(options, ""),
    remember: remember && limits(remember, "remember."),
    touchEvery: durationOrZero("touchEvery", touchEvery),
    grace: durationOrZero("grace", grace),
    maxPerUser: maxPerUser === undefined ? 0 : count("maxPerUser", maxPerUser),
    atLimit: oneOf("atLimit", atLimit, ["evict-oldest", "refuse"]),
    maxBytes: count("maxBytes", maxBytes),
    codec,
    signer,
    onEvent: onEvent && callable("onEvent", onEvent),
  };
}

function limits({ idle, absolute }: SessionLimits, path: string): SessionLimits {
  if (duration(`${path}idle`, idle) <= duration(`${path}absolute`, absolute))
    return { idle: Math.round(idle), absolute: Math.round(absolute) };
  throw new OptionError(`\`${path}idle\` must not exceed \`${path}absolute\``);
}

async function create<Data extends object>(context: Context, options: NewSession<Data>): Promise<Session<Data>> {
  const { user, data, remember = false, ip = "", userAgent = "", signal } = options;
  if (remember && !context.remember)
    throw new OptionError("`remember` needs the option of that name in createSessions");
  const { idle, absolute } = (remember && context.remember) || context;
  const identity = await identify(context.prefix, newToken(await ownerOf(context.prefix, user)));
  if (!identity) throw new SessionGoneError();
  const { keys, digest, sid } = identity;
  const device = { ip, agent: userAgent.slice(0, 512) };
  const { maxPerUser: max, atLimit, maxBytes } = context;
  const { removed, fields } = encode(context, data);
  const values = {
    ...keys,
    digest,
    sid,
    name: user ?? "",
    idle,
    absolute,
    ...device,
    max,
    atLimit,
    maxBytes,
    fields: fields.slice(removed),
  };
  const reply = await createScript(context.redis, values, { signal, idempotent: true });
  if (typeof reply === "number") throw refusal(context, integer(reply));
  const created = snapshot(reply);
  if (!created) throw new SessionGoneError();
  report(context, "created", identity.id);
  return sessionOf(context, identity, created);
}

function refusal({ maxPerUser, maxBytes }: Context, reason: number): Error {
  return reason === 0 ? new SessionLimitError(maxPerUser) : new SessionTooLargeError(maxBytes);
}

async function read<Data extends object>(
  context: Context,
  token: string | null | undefined,
  { signal }: SessionCallOptions = {},
): Promise<Session<Data> | null> {
  const identity = await trust(context, token);
  if (!identity) return null;
  const values = { ...identity.keys, digest: identity.digest, sid: identity.sid, touchEvery: context.touchEvery };
  const found = await readScript(context.redis, values, { signal, idempotent: true });
  return found && sessionOf(context, identity, found);
}

async function revokeAll(context: Context, user: string, { except, signal }: RevokeAllOptions = {}): Promise<void> {
  const owner = await ownerOf(context.prefix, user);
  const kept = except && heldBy(except).identity;
  if (kept && kept.owner !== owner) throw new OptionError("`except` must be a session of the user");
  const { keys, digest, sid } = kept ?? { keys: keysOf(context.prefix, owner, "-"), digest: "", sid: "" };
  const values = { ...keys, digest, sid, request: randomText(9) };
  const alive = await revokeAllScript(context.redis, values, { signal, idempotent: true });
  report(context, "revoked");
  if (kept && !alive) throw new SessionGoneError();
}
