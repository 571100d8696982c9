import { setBounded } from "../../bounded-map.ts";
import { emit, type OnEvent } from "../../event.ts";
import { bindInside, createInternals, insideOf } from "../../internals.ts";
import type { Redis } from "../../port/redis.ts";
import type { Codec } from "../../data/codec.ts";
import type { Snapshot } from "./format/snapshot.ts";
import { type Identity, identify, type SessionArgs } from "./identity.ts";
import type { TokenSigner } from "./signer.ts";

/** The lifetime of a session, in milliseconds. */
export interface SessionLimits {
  /** The longest time between two uses, in milliseconds. */
  readonly idle: number;
  /** The longest life of a session, in milliseconds, however much it is used. */
  readonly absolute: number;
}

/** The checked options of one `createSessions`, which all of its operations share. */
export interface SessionContext extends SessionLimits {
  readonly redis: Redis;
  readonly prefix: string;
  readonly remember: SessionLimits | undefined;
  readonly touchEvery: number;
  readonly grace: number;
  readonly maxPerUser: number;
  readonly atLimit: "evict-oldest" | "refuse";
  readonly maxBytes: number;
  readonly codec: Codec;
  readonly signer: TokenSigner | undefined;
  /**
   * The identities behind tokens, so that a visitor's next request saves the work of hashing and verifying. It says nothing about
   * whether a session still lives: Redis is asked each time.
   */
  readonly knownTokens: Map<unknown, Identity>;
  readonly onEvent: OnEvent | undefined;
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined;
}

/** The inside of a session object. It changes when the session is written to or rotated. */
export interface SessionState<Data extends object = object> {
  readonly context: SessionContext;
  /** The token of the identity, signed where there is a signer. */
  token: string;
  identity: Identity;
  snapshot: Snapshot;
  /** The data of the snapshot, once somebody has asked for it. */
  data: Data | undefined;
}

const contexts = /* @__PURE__ */ createInternals<SessionContext>("session");

/** Ties what `createSessions` makes to its context, and returns it. */
export function bindContext<T extends object>(sessions: T, context: SessionContext): T {
  return bindInside(contexts, sessions, context);
}

/**
 * The context of what `createSessions` made.
 * @throws {OptionError} It is something else.
 */
export function contextOf(sessions: object): SessionContext {
  return insideOf(contexts, sessions, "`sessions` must come from createSessions");
}

/** At 2 kB each. */
const maxKnownTokens = 4_000;

/** Remembers the identity behind a token in this process; it is never written down. */
export function rememberToken(
  { knownTokens }: Pick<SessionContext, "knownTokens">,
  token: unknown,
  identity: Identity,
): void {
  setBounded(knownTokens, token, identity, maxKnownTokens);
}

/** Identifies a token from outside, if its signature holds. It costs no round trip. */
export async function verifyToken(context: SessionContext, token: unknown): Promise<Identity | null> {
  if (typeof token !== "string" || token.length > 512) return null;
  if (!context.signer) return identify(context.prefix, token);
  const verified = await context.signer.verify(token);
  const identity = verified && (await identify(context.prefix, verified.token));
  return identity && { ...identity, signed: verified.current ? token : undefined };
}

/** Signs the token of an identity, where there is a signer. It comes before what it is for is written: a signer may throw. */
export async function signIdentity(
  context: SessionContext,
  identity: Identity,
): Promise<Identity & { signed: string }> {
  const { signer } = context;
  const signed = identity.signed ?? (signer ? await signer.sign(identity.token) : identity.token);
  const whole = { ...identity, signed };
  if (!identity.signed) rememberToken(context, signed, whole);
  return whole;
}

/** The arguments of every script that reads or writes data. */
export function argsOf({ codec }: SessionContext, { args }: Identity): SessionArgs & { readonly codec: string } {
  return { ...args, codec: codec.name };
}

/** @param id The public id of the session. */
export function report({ onEvent, prefix }: SessionContext, type: string, id?: string, error?: unknown): void {
  emit(onEvent, { pattern: "session", type, prefix, id, error });
}
