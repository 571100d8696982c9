import { checkText } from "../../check.ts";
import { randomText, userTag } from "../../crypto.ts";
import { report, type SessionContext } from "./context.ts";
import { encodePatch } from "./data.ts";
import { SessionGoneError, SessionLimitError, SessionTooLargeError } from "./errors.ts";
import { encodeWho } from "./format/head.ts";
import { decodeSnapshot } from "./format/snapshot.ts";
import { createIdentity } from "./identity.ts";
import { openSession } from "./live-session.ts";
import { chooseLimits } from "./options.ts";
import { createScript } from "./scripts/create.lua.ts";
import type { Session, SessionCallOptions } from "./session.ts";

/** The device that a session is created on, for the list of a user's sessions. */
export interface SessionDevice {
  /** The address of the device; only its first 64 characters are kept. */
  readonly ip?: string | undefined;
  /** The user agent of the device; only its first 512 characters are kept. */
  readonly userAgent?: string | undefined;
}

/** A session that is to be created. */
export interface NewSession<Data extends object> extends SessionDevice, SessionCallOptions {
  /**
   * The user whose session it is.
   * @default none: the session is anonymous
   */
  readonly user?: string | undefined;
  /** The data that it begins with. */
  readonly data: Data;
  /**
   * True for the limits of the option `remember` instead of the usual ones.
   * @default false
   */
  readonly remember?: boolean | undefined;
}

export async function createSession<Data extends object>(
  context: SessionContext,
  options: NewSession<object>,
): Promise<Session<Data>> {
  const { user, data, remember = false, ip, userAgent, signal } = options;
  const { idle, absolute } = chooseLimits(context, remember);
  const { maxPerUser, atLimit, maxBytes } = context;
  const { removed, fields } = encodePatch(context, data);
  const identity = await createIdentity(
    context.prefix,
    user === undefined ? randomText(18) : await userTag(context.prefix, user),
  );
  const values = {
    ...identity.args,
    owner: identity.owner,
    hasUser: user ? 1 : 0,
    who: encodeWho(user, truncate("ip", ip, 64), truncate("userAgent", userAgent, 512)),
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
  return openSession(context, identity, created);
}

function truncate(name: string, given: string | undefined, length: number): string | null {
  return given ? checkText(name, given).slice(0, length) : null;
}
