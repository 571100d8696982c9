import { randomText } from "../../crypto.ts";
import { checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { unchecked } from "../../unchecked.ts";
import { argsOf, report, type SessionContext, type SessionState, signIdentity } from "./context.ts";
import { applyPatch, decodeData, encodePatch, tooManyFields } from "./data.ts";
import { SessionGoneError, SessionTooLargeError } from "./errors.ts";
import type { Snapshot } from "./format/snapshot.ts";
import { createIdentity, type Identity } from "./identity.ts";
import { destroyScript } from "./scripts/destroy.lua.ts";
import { rotateScript } from "./scripts/rotate.lua.ts";
import { setScript } from "./scripts/set.lua.ts";
import type { Session, SessionCallOptions } from "./session.ts";

export async function openSession<Data extends object>(
  context: SessionContext,
  identity: Identity,
  snapshot: Snapshot,
): Promise<Session<Data>> {
  const { signed: token } = await signIdentity(context, identity);
  return new LiveSession<Data>({ context, token, identity, snapshot, data: undefined });
}

// A class, for a session is made for each request, and an object of getters and closures costs ten times as much. Its state is
// private to the language, so that no log or JSON of it shows the token.
class LiveSession<Data extends object> implements Session<Data> {
  readonly #state: SessionState<Data>;
  readonly id: string;
  readonly user: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly createdAt: number;
  readonly seenAt: number;
  readonly endsAt: number;
  readonly authenticatedAt: number;
  readonly set: Session<Data>["set"] = (patch, options) => set(this.#state, patch, options);
  readonly rotate: Session<Data>["rotate"] = (options) => rotate(this.#state, options);
  readonly destroy: Session<Data>["destroy"] = (options) => destroy(this.#state, options);

  constructor(state: SessionState<Data>) {
    const { identity, snapshot } = state;
    this.#state = state;
    this.id = identity.id;
    this.user = snapshot.user;
    this.ip = snapshot.ip;
    this.userAgent = snapshot.userAgent;
    this.createdAt = snapshot.createdAt;
    this.seenAt = snapshot.seenAt;
    this.endsAt = snapshot.ends;
    this.authenticatedAt = snapshot.authenticatedAt;
  }

  static stateOf(session: object): SessionState {
    const made: object = Object(session);
    if (#state in made) return made.#state;
    throw new OptionError("`session` must come from sessions.create or sessions.read");
  }

  get token(): string {
    return this.#state.token;
  }

  get data(): Readonly<Data> {
    return dataOf(this.#state);
  }
}

/** @throws {OptionError} It is no session object. */
export function stateOf(session: object): SessionState {
  return LiveSession.stateOf(session);
}

export function dataOf<Data extends object>(state: SessionState<Data>): Data {
  // As with `JSON.parse`, the stored text becomes the type that the caller gave it.
  return (state.data ??= unchecked<Data>(decodeData(state.context, state.snapshot.lines)));
}

async function set(state: SessionState, patch: object, options: SessionCallOptions = {}): Promise<void> {
  const { context, identity } = state;
  const { signal } = checkOptions(options);
  const encoded = encodePatch(context, patch);
  if (encoded.fields.length === 0) return;
  // Data that cannot be read fails before the write, not after it.
  dataOf(state);
  const values = { ...argsOf(context, identity), request: randomText(6), maxBytes: context.maxBytes, ...encoded };
  const version = await setScript(context.redis, values, { signal, idempotent: true });
  if (version === 0) throw reportGone(state);
  if (version < 0) throw version === -1 ? new SessionTooLargeError(context.maxBytes) : tooManyFields();
  // Where others wrote in between, the data is not what that version holds: the version stays, so that an update sees it.
  if (version === state.snapshot.version + 1) state.snapshot = { ...state.snapshot, version };
  state.data = applyPatch(dataOf(state), encoded);
}

async function rotate(state: SessionState, options: SessionCallOptions = {}): Promise<string> {
  const { context, identity } = state;
  const { signal } = checkOptions(options);
  const next = await signIdentity(context, await createIdentity(context.prefix, identity.owner, identity.sid));
  const values = { ...argsOf(context, identity), newDigest: next.args.digest, grace: context.grace };
  const outcome = await rotateScript(context.redis, values, { signal, idempotent: true });
  if (outcome === 0) throw reportGone(state);
  if (outcome === 2) return state.token;
  state.identity = next;
  state.token = next.signed;
  report(context, "rotated", next.id);
  return state.token;
}

async function destroy({ context, identity }: SessionState, options: SessionCallOptions = {}): Promise<void> {
  const { signal } = checkOptions(options);
  const ended = await destroyScript(context.redis, identity.args, { signal, idempotent: true });
  if (ended) report(context, "destroyed", identity.id);
}

/** The error for a session that has ended. It is an event too, since it tells of a race or of a logout. */
export function reportGone({ context, identity }: SessionState): SessionGoneError {
  report(context, "gone", identity.id);
  return new SessionGoneError();
}
