import { OptionError } from "../../errors.ts";
import { SessionGoneError } from "./errors.ts";
import { type Context, type Held, rememberToken, report } from "./context.ts";
import { unchecked } from "../../unchecked.ts";
import { decode, encode, patched, type SessionPatch } from "./data.ts";
import { destroyScript } from "./scripts/destroy.lua.ts";
import { SessionTooLargeError } from "./errors.ts";
import { type Identity, newIdentity } from "./identity.ts";
import { rotateScript } from "./scripts/rotate.lua.ts";
import { setScript } from "./scripts/set.lua.ts";
import { randomText } from "../../crypto.ts";
import type { Snapshot } from "./format/snapshot.ts";

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

export async function sessionOf<Data extends object>(
  context: Context,
  identity: Identity,
  snapshot: Snapshot,
): Promise<Session<Data>> {
  const token = await tokenOf(context, identity);
  return new LiveSession<Data>({ context, token, identity, snapshot, data: undefined });
}

// A class, for a session is made for each request, and an object of getters and closures costs ten times as much. What it holds is
// private to the language, so that no log or JSON of it shows the token.
class LiveSession<Data extends object> implements Session<Data> {
  readonly #held: Held<Data>;
  readonly id: string;
  readonly user: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly createdAt: number;
  readonly seenAt: number;
  readonly endsAt: number;
  readonly authenticatedAt: number;
  readonly set: Session<Data>["set"] = (patch, options) => set(this.#held, patch, options);
  readonly rotate: Session<Data>["rotate"] = (options) => rotate(this.#held, options);
  readonly destroy: Session<Data>["destroy"] = (options) => destroy(this.#held, options);

  constructor(held: Held<Data>) {
    const { identity, snapshot } = held;
    this.#held = held;
    this.id = identity.id;
    this.user = snapshot.user;
    this.ip = snapshot.ip;
    this.userAgent = snapshot.userAgent;
    this.createdAt = snapshot.createdAt;
    this.seenAt = snapshot.seenAt;
    this.endsAt = snapshot.ends;
    this.authenticatedAt = snapshot.authenticatedAt;
  }

  static held(session: object): Held {
    const made: object = Object(session);
    if (#held in made) return made.#held;
    throw new OptionError("`session` must come from sessions.create or sessions.read");
  }

  get token(): string {
    return this.#held.token;
  }

  get data(): Readonly<Data> {
    return dataOf(this.#held);
  }
}

/** @returns What a session object holds, for the operations that live in modules of their own. */
export function heldBy(session: object): Held {
  return LiveSession.held(session);
}

export function dataOf<Data extends object>(held: Held<Data>): Data {
  // What Redis holds becomes the caller's type, as `JSON.parse` does it: only `encode` ever writes these fields.
  return (held.data ??= unchecked<Data>(decode(held.context, held.snapshot.lines)));
}

async function set(held: Held, patch: object, { signal }: SessionCallOptions = {}): Promise<void> {
  const { context, identity } = held;
  const encoded = encode(context, patch);
  if (encoded.fields.length === 0) return;
  const values = { ...identity.args, request: randomText(6), maxBytes: context.maxBytes, ...encoded };
  const version = await setScript(context.redis, values, { signal, idempotent: true });
  if (version === 0) throw gone(held);
  if (version < 0) throw new SessionTooLargeError(context.maxBytes);
  // Where others wrote in between, the data is not what that version holds: the version stays, so that an update sees it.
  if (version === held.snapshot.version + 1) held.snapshot = { ...held.snapshot, version };
  held.data = patched(context, dataOf(held), encoded);
}

async function rotate(held: Held, { signal }: SessionCallOptions = {}): Promise<string> {
  const { context, identity } = held;
  const fresh = await newIdentity(context.prefix, identity.owner, identity.sid);
  const values = { ...identity.args, newDigest: fresh.args.digest, grace: context.grace };
  const outcome = await rotateScript(context.redis, values, { signal, idempotent: true });
  if (outcome === 0) throw gone(held);
  if (outcome === 2) return held.token;
  held.identity = fresh;
  held.token = await tokenOf(context, fresh);
  report(context, "rotated", fresh.id);
  return held.token;
}

async function destroy({ context, identity }: Held, { signal }: SessionCallOptions = {}): Promise<void> {
  const ended = await destroyScript(context.redis, identity.args, { signal, idempotent: true });
  if (ended) report(context, "destroyed", identity.id);
}

/** The error for a session that has ended; it is reported too, for it tells of a race or of a logout. */
export function gone({ context, identity }: Held): SessionGoneError {
  report(context, "gone", identity.id);
  return new SessionGoneError();
}

async function tokenOf(context: Context, identity: Identity): Promise<string> {
  if (identity.signed) return identity.signed;
  const token = context.signer ? await context.signer.sign(identity.token) : identity.token;
  rememberToken(context, token, { ...identity, signed: token });
  return token;
}
