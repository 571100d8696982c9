import { setBounded } from "../../bounded-map.ts";
import { emit, type OnEvent } from "../../event.ts";
import { createInternals } from "../../internals.ts";
import type { Redis } from "../../port/redis.ts";
import type { SessionCodec } from "./codec.ts";
import { type Identity, identify } from "./identity.ts";
import type { TokenSigner } from "./signer.ts";
import type { Snapshot } from "./format/snapshot.ts";

/** How long a session lives, in milliseconds. */
export interface SessionLimits {
  /** How long a session lives unused. */
  readonly idle: number;
  /** How long a session lives at most, however much it is used. */
  readonly absolute: number;
}

/** What the operations of one `createSessions` share. */
export interface Context extends SessionLimits {
  readonly redis: Redis;
  readonly prefix: string;
  readonly remember: SessionLimits | undefined;
  readonly touchEvery: number;
  readonly grace: number;
  readonly maxPerUser: number;
  readonly atLimit: "evict-oldest" | "refuse";
  readonly maxBytes: number;
  readonly codec: SessionCodec;
  readonly signer: TokenSigner | undefined;
  /**
   * What hashing and verifying gave for the tokens of live sessions, so that a visitor's next request saves that work. It says nothing
   * about whether the session still lives: Redis is asked each time.
   */
  readonly known: Map<unknown, Identity>;
  readonly onEvent: OnEvent | undefined;
}

/** What a session object holds. It changes when the session is written to or rotated. */
export interface Held<Data extends object = object> {
  readonly context: Context;
  /** What the caller sees: the token of the identity, signed where there is a signer. */
  token: string;
  identity: Identity;
  snapshot: Snapshot;
  /** What the snapshot holds, once somebody has asked. */
  data: Data | undefined;
}

/** The contexts of what `createSessions` made, for the operations that live in modules of their own. */
export const contexts = /* @__PURE__ */ createInternals<Context>("`sessions` must come from createSessions");

/** How many tokens are remembered, at 2 kB each. */
const mostKnown = 4_000;

/** Remembers in this process what a token says, and never writes it down. */
export function rememberToken({ known }: Pick<Context, "known">, token: unknown, identity: Identity): void {
  setBounded(known, token, identity, mostKnown);
}

/** @returns What a token from outside says, once its signature holds; `null` costs no round trip. */
export async function trust(context: Context, token: unknown): Promise<Identity | null> {
  if (typeof token !== "string" || token.length > 512) return null;
  if (!context.signer) return identify(context.prefix, token);
  const verified = await context.signer.verify(token);
  const identity = verified && (await identify(context.prefix, verified.token));
  return identity && { ...identity, signed: verified.current ? token : undefined };
}

/** Reports what happened to a session, by its public id. */
export function report({ onEvent, prefix }: Context, type: string, id?: string): void {
  emit(onEvent, { pattern: "session", type, prefix, id });
}
