import { checkText } from "../../check.ts";
import { SessionGoneError } from "./errors.ts";
import { type Context, report } from "./context.ts";
import { createScript } from "./scripts/create.lua.ts";
import { encode } from "./data.ts";
import { SessionLimitError, SessionTooLargeError } from "./errors.ts";
import { randomText, userTag } from "../../crypto.ts";
import { newIdentity } from "./identity.ts";
import { limitsFor } from "./options.ts";
import { type Session, type SessionCallOptions, sessionOf } from "./session.ts";
import { encodeWho } from "./format/head.ts";
import { decodeSnapshot } from "./format/snapshot.ts";

/** The device that a session is created on, for the list of a user's sessions. */
export interface SessionDevice {
  /** Its address; cut at 64 characters. */
  readonly ip?: string | undefined;
  /** Its user agent; cut at 512 characters. */
  readonly userAgent?: string | undefined;
}

/** What a new session is created with. */
export interface NewSession<Data extends object> extends SessionDevice, SessionCallOptions {
  /** Whose it is; without one it is anonymous. */
  readonly user?: string | undefined;
  /** What it holds from the start. */
  readonly data: Data;
  /**
   * The limits of `remember` instead of the usual ones.
   * @default false
   */
  readonly remember?: boolean | undefined;
}

export async function create<Data extends object>(
  context: Context,
  options: NewSession<object>,
): Promise<Session<Data>> {
  const { user, data, remember = false, ip, userAgent, signal } = options;
  const { idle, absolute } = limitsFor(context, remember);
  const { maxPerUser, atLimit, maxBytes } = context;
  const { removed, fields } = encode(context, data);
  const identity = await newIdentity(
    context.prefix,
    user === undefined ? randomText(18) : await userTag(context.prefix, user),
  );
  const who = encodeWho(user ?? null, cut("ip", ip, 64), cut("userAgent", userAgent, 512));
  const values = {
    ...identity.args,
    owner: identity.owner,
    hasUser: user === undefined ? 0 : 1,
    who,
    remembered: remember ? 1 : 0,
    idleLimit: idle,
    absoluteLimit: absolute,
    maxPerUser,
    atLimit,
    maxBytes,
    fields: fields.slice(removed),
  };
  const reply = await createScript(context.redis, values, { signal, idempotent: true });
  if (typeof reply === "number")
    throw reply === 0 ? new SessionLimitError(maxPerUser) : new SessionTooLargeError(maxBytes);
  const created = decodeSnapshot(reply);
  if (!created) throw new SessionGoneError();
  report(context, "created", identity.id);
  return sessionOf(context, identity, created);
}

function cut(name: string, given: string | undefined, length: number): string | null {
  return given ? checkText(name, given).slice(0, length) : null;
}
