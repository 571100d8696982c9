import { SessionGoneError } from "../errors.ts";
import { randomText } from "../secret.ts";
import { bindHeld, type Context, type Held, report } from "./context.ts";
import { decode, encode, patched, type SessionPatch } from "./data.ts";
import { destroyScript } from "./destroy.lua.ts";
import { SessionTooLargeError } from "./errors.ts";
import { type Identity, identify, newToken } from "./identity.ts";
import { rotateScript } from "./rotate.lua.ts";
import { setScript } from "./set.lua.ts";
import type { Snapshot } from "./snapshot.ts";

/** Options of one call. */
export interface SessionCallOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One session, as it was when it was read. Instants are the server's, in milliseconds since 1970. */
export interface Session<Data extends object> {
  /** The secret for the cookie. `rotate` changes it. */
  readonly token: string;
  /** Names the session in public, in device lists and logs: it opens nothing. */
  readonly id: string;
  /** Whose session it is; `null` while anonymous. */
  readonly user: string | null;
  /** What was stored when the session was read, and what `set` has stored through this object since. */
  readonly data: Readonly<Data>;
  /** When the session was created. */
  readonly createdAt: number;
  /** When its use was last written down, which may be `touchEvery` ago. */
  readonly seenAt: number;
  /** When it ends, however much it is used. */
  readonly endsAt: number;
  /** When its user last proved who they are. */
  readonly authenticatedAt: number;
  /** The address that `create` was given. */
  readonly ip: string | null;
  /** The user agent that `create` was given. */
  readonly userAgent: string | null;
  /**
   * Writes the fields of the patch and no others; `undefined` deletes one. Fields are replaced, never merged into.
   * @throws {SessionGoneError} The session has ended; nothing was written.
   * @throws {SessionTooLargeError} The data would exceed `maxBytes`; nothing was written.
   * @throws {OptionError} The codec refuses a value.
   */
  set(patch: SessionPatch<Data>, options?: SessionCallOptions): Promise<void>;
  /**
   * Gives the session a new token and keeps everything else. The old token works for another `grace`, so that parallel requests do
   * not lose the user; of parallel rotations the first counts, and the others leave `token` as it is.
   * @returns The token for the cookie.
   * @throws {SessionGoneError} The session has ended.
   */
  rotate(options?: SessionCallOptions): Promise<string>;
  /** Ends the session for every token that it ever had. Ending what has ended already is fine. */
  destroy(options?: SessionCallOptions): Promise<void>;
}

/** How long the trace of an ended session keeps a replayed command from bringing it back: longer than any client retries. */
export const tombstone = 300_000;

export async function sessionOf<Data extends object>(
  context: Context,
  identity: Identity,
  snapshot: Snapshot,
): Promise<Session<Data>> {
  const token = identity.signed ?? (await signed(context, identity.token));
  return present({ context, token, identity, snapshot, data: decode(context, snapshot.fields) });
}

function present<Data extends object>(held: Held<Data>): Session<Data> {
  const session: Session<Data> = {
    get token() {
      return held.token;
    },
    get data() {
      return held.data;
    },
    id: held.identity.id,
    user: held.snapshot.user,
    ip: held.snapshot.ip,
    userAgent: held.snapshot.userAgent,
    createdAt: held.snapshot.createdAt,
    seenAt: held.snapshot.seenAt,
    endsAt: held.snapshot.endsAt,
    authenticatedAt: held.snapshot.authenticatedAt,
    set: (patch, options) => set(held, patch, options),
    rotate: (options) => rotate(held, options),
    destroy: (options) => destroy(held, options),
  };
  return bindHeld(session, held);
}

async function set(held: Held, patch: object, { signal }: SessionCallOptions = {}): Promise<void> {
  const { context, identity } = held;
  const encoded = encode(context, patch);
  if (encoded.fields.length === 0) return;
  const { keys, digest } = identity;
  const values = { ...keys, digest, request: randomText(6), maxBytes: context.maxBytes, ...encoded };
  const version = await setScript(context.redis, values, { signal, idempotent: true });
  if (version === 0) throw gone(held);
  if (version < 0) throw new SessionTooLargeError(context.maxBytes);
  // Where others wrote in between, the data is not what that version holds: the version stays, so that an update sees it.
  if (version === held.snapshot.version + 1) held.snapshot = { ...held.snapshot, version };
  held.data = patched(context, held.data, encoded);
}

async function rotate(held: Held, { signal }: SessionCallOptions = {}): Promise<string> {
  const { context, identity } = held;
  const fresh = await identify(context.prefix, newToken(identity.owner, identity.sid));
  const values = { ...identity.keys, digest: identity.digest, fresh: fresh.digest, grace: context.grace };
  const outcome = await rotateScript(context.redis, values, { signal, idempotent: true });
  if (outcome === 0) throw gone(held);
  if (outcome === 2) return held.token;
  held.identity = fresh;
  held.token = await signed(context, fresh.token);
  report(context, "rotated", fresh.id);
  return held.token;
}

async function destroy({ context, identity }: Held, { signal }: SessionCallOptions = {}): Promise<void> {
  const values = { ...identity.keys, digest: identity.digest, sid: identity.sid, tombstone };
  const ended = await destroyScript(context.redis, values, { signal, idempotent: true });
  if (ended) report(context, "destroyed", identity.id);
}

/** The error for a session that has ended; it is reported too, for it tells of a race or of a logout. */
export function gone({ context, identity }: Held): SessionGoneError {
  report(context, "gone", identity.id);
  return new SessionGoneError();
}

async function signed({ signer }: Context, token: string): Promise<string> {
  return signer ? signer.sign(token) : token;
}
