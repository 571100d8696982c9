import { checkFlag, checkOptions, checkText } from "../../check.ts";
import { randomText, userTag } from "../../crypto.ts";
import { inBackground, mayHaveRun, persist } from "../../wait/persist.ts";
import { report, type SessionContext, signIdentity } from "./context.ts";
import { type EncodedPatch, encodePatch, mergeFields, tooManyFields } from "./data.ts";
import { SessionGoneError, SessionLimitError, SessionTooLargeError } from "./errors.ts";
import { encodeWho } from "./format/head.ts";
import { decodeSnapshot } from "./format/snapshot.ts";
import { createIdentity, type Identity } from "./identity.ts";
import { openSession } from "./live-session.ts";
import { chooseLimits } from "./options.ts";
import { createScript } from "./scripts/create.lua.ts";
import { destroyScript } from "./scripts/destroy.lua.ts";
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

/** A session that only waits to be stored: all that may fail on this side has been done. */
export interface PreparedSession {
  readonly identity: Identity;
  readonly patch: EncodedPatch;
  /** The arguments of the script, without the fields. */
  readonly values: Omit<Parameters<typeof createScript>[1], "fields">;
}

export async function createSession<Data extends object>(
  context: SessionContext,
  options: NewSession<object>,
): Promise<Session<Data>> {
  const prepared = await prepareSession(context, options);
  return storeSession<Data>(context, prepared, [], options);
}

export async function prepareSession(context: SessionContext, options: NewSession<object>): Promise<PreparedSession> {
  const { user, data, remember = false, ip, userAgent } = checkOptions(options, "{ user, data }");
  const { idle, absolute } = chooseLimits(context, checkFlag("remember", remember));
  const { prefix, maxPerUser, atLimit, maxBytes, codec } = context;
  const patch = encodePatch(context, data);
  const owner = user === undefined ? randomText(18) : await userTag(prefix, user);
  const identity = await signIdentity(context, await createIdentity(prefix, owner));
  const values = {
    ...identity.args,
    codec: codec.name,
    owner,
    hasUser: user ? 1 : 0,
    who: encodeWho(user, truncate("ip", ip, 64), truncate("userAgent", userAgent, 512)),
    remembered: remember ? 1 : 0,
    idleLimit: idle,
    absoluteLimit: absolute,
    maxPerUser,
    atLimit,
    maxBytes,
  };
  return { identity, patch, values };
}

/** @param carried Names and values of the fields that the session begins with, as they are stored; the patch of its data comes over them. */
export async function storeSession<Data extends object>(
  context: SessionContext,
  { identity, patch, values }: PreparedSession,
  carried: readonly string[],
  { signal }: SessionCallOptions,
): Promise<Session<Data>> {
  const fields = mergeFields(carried, patch);
  const send = () => createScript(context.redis, { ...values, fields }, { signal, idempotent: true });
  const reply = await orGiveUp(context, identity, signal, send);
  if (reply === 0) throw new SessionLimitError(context.maxPerUser);
  if (typeof reply === "number") throw reply === -1 ? new SessionTooLargeError(context.maxBytes) : tooManyFields();
  const created = decodeSnapshot(reply);
  if (!created) throw new SessionGoneError();
  report(context, "created", identity.id);
  return openSession(context, identity, created);
}

/** After a failure, ends the session that may have begun all the same: nobody knows its token, and it would take a place of its user's. */
export async function orGiveUp<T>(
  context: SessionContext,
  { id, args }: Identity,
  signal: AbortSignal | undefined,
  send: () => Promise<T>,
): Promise<T> {
  // What was never sent has nothing to give back.
  signal?.throwIfAborted();
  try {
    return await send();
  } catch (error) {
    if (mayHaveRun(error, signal)) {
      const end = () => destroyScript(context.redis, args, { idempotent: true });
      const work = persist(end, 10_000).then(() => {});
      inBackground(context.waitUntil, work, (error) => report(context, "late", id, error));
    }
    throw error;
  }
}

function truncate(name: string, given: string | undefined, length: number): string | null {
  return given ? checkText(name, given).slice(0, length) : null;
}
