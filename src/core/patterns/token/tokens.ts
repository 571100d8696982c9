import { checkCount, checkDuration, checkPort, checkText } from "../../check.ts";
import { encodeId, keyOf, keyPrefix } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { randomText, sha256, userTag } from "../../crypto.ts";
import { digitCount, pepperOf, randomDigits, typedDigits } from "./code.ts";
import { type Consumed, consumeScript } from "./scripts/consume.lua.ts";
import { issueScript } from "./scripts/issue.lua.ts";
import { revokeTokensScript } from "./scripts/revoke.lua.ts";

/** Options of `createTokens`. */
export interface TokenOptions {
  /** How long a token or code is good, in milliseconds: minutes for a code, an hour for a link. */
  readonly ttl: number;
  /**
   * What every key begins with.
   * @default "token"
   */
  readonly prefix?: string | undefined;
  /**
   * How many wrong codes make the right one worthless.
   * @default 5
   */
  readonly attempts?: number | undefined;
  /**
   * How many digits a code has, from 6 to 12.
   * @default 6
   */
  readonly digits?: number | undefined;
  /**
   * A secret of at least 32 characters that codes are hashed with. Without it, who can read Redis can find a code, which has only
   * a million forms, while it is good. Links need none.
   */
  readonly pepper?: string | undefined;
}

/** Whom a token is for, and what for. */
export interface TokenClaim {
  readonly user: string;
  /** What it allows, such as "verify-email": a token for one purpose is worthless for every other. */
  readonly purpose: string;
}

/** What a token is issued with. */
export interface NewToken<Data> extends TokenClaim, TokenCallOptions {
  /** What `consume` gives back, as JSON makes it: the address to verify, the page to return to. A date comes back as text. */
  readonly data?: Data | undefined;
  /**
   * How long this one is good, in milliseconds.
   * @default the `ttl` of createTokens
   */
  readonly ttl?: number | undefined;
}

/** Options of one call. */
export interface TokenCallOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The verdict on a code. */
export type CodeVerdict<Data> =
  | { readonly accepted: true; readonly data: Data | null }
  | {
      readonly accepted: false;
      /** How many more wrong codes are allowed; 0 if there is no code, or no longer. */
      readonly attemptsLeft: number;
    };

/** Tokens and codes that are good once. */
export interface Tokens<Data> {
  /** Issues a token of 256 random bits, for a link. Any number of them may be good at once. */
  issue(token: NewToken<Data>): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /**
   * Accepts a token exactly once.
   * @returns Whose it is and what it carries; `null` if it is unknown, expired, used, revoked, or meant for another purpose.
   */
  consume(
    token: string | null | undefined,
    options: TokenCallOptions & Pick<TokenClaim, "purpose">,
  ): Promise<{ readonly user: string; readonly data: Data | null } | null>;
  /** Issues a code of a few digits, to be typed. It replaces the user's former code for the purpose. */
  issueCode(code: NewToken<Data>): Promise<{ readonly code: string; readonly expiresAt: number }>;
  /** Accepts a code exactly once, and counts wrong ones. Spaces and dashes are ignored. */
  consumeCode(claim: TokenClaim & TokenCallOptions & { readonly code: string }): Promise<CodeVerdict<Data>>;
  /** Makes all tokens and codes of a user worthless, at the cost of one command: after a change of password or address. */
  revokeAll(user: string, options?: TokenCallOptions): Promise<void>;
}

interface Issuer {
  readonly redis: Redis;
  readonly prefix: string;
  readonly ttl: number;
  readonly attempts: number;
  readonly digits: number;
  readonly pepper: string;
}

/** How long a consumed token keeps its answer for a replay of the same request: longer than any client retries. */
const replayable = 300_000;

/** The user's tag, the name of the token, 256 secret bits. Only the hash of the whole is stored. */
const shape = /^([\w-]{24})([\w-]{16})[\w-]{43}$/;

/**
 * One-time tokens: e-mail verification, magic links, typed codes.
 * @example
 * const tokens = createTokens<{ email: string }>(redis, { ttl: minutes(30) });
 * const link = await tokens.issue({ user: "u1", purpose: "verify-email", data: { email: "ada@example.org" } });
 * const claim = await tokens.consume(link.token, { purpose: "verify-email" });
 * if (claim) await db.markVerified(claim.user, claim.data?.email);
 */
export function createTokens<Data = unknown>(redis: Redis, options: TokenOptions): Tokens<Data> {
  checkPort(redis, options);
  const { prefix = "token", ttl, attempts = 5, digits = 6, pepper } = options;
  const issuer: Issuer = {
    redis,
    prefix: keyPrefix(prefix),
    ttl: checkDuration("ttl", ttl),
    attempts: checkCount("attempts", attempts),
    digits: digitCount(digits),
    pepper: pepperOf(pepper),
  };
  return {
    issue: (token) => issueLink(issuer, token),
    consume: async (token, call) => claimed(await consumeLink(issuer, token, call)),
    issueCode: (code) => issueCode(issuer, code),
    consumeCode: async (claim) => verdict(await consumeCode(issuer, claim)),
    revokeAll: async (user, { signal } = {}) => {
      const values = { user: keyOf(prefix, await userTag(prefix, user), "u1"), request: randomText(9) };
      await revokeTokensScript(redis, values, { signal, idempotent: true });
    },
  };
}

async function issueLink(issuer: Issuer, options: NewToken<unknown>) {
  const tag = await userTag(issuer.prefix, options.user);
  const name = randomText(12);
  const token = tag + name + randomText(32);
  const expiresAt = await issue(issuer, options, tag, `t1:${name}`, await sha256(token), "");
  return { token, expiresAt };
}

async function issueCode(issuer: Issuer, options: NewToken<unknown>) {
  const tag = await userTag(issuer.prefix, options.user);
  const code = randomDigits(issuer.digits);
  const digest = await codeDigest(issuer, tag, options.purpose, code);
  const expiresAt = await issue(issuer, options, tag, codePart(options.purpose), digest, issuer.attempts);
  return { code, expiresAt };
}

function issue(
  { redis, prefix, ttl: usual }: Issuer,
  { user: name, purpose, data = null, ttl = usual, signal }: NewToken<unknown>,
  tag: string,
  part: string,
  digest: string,
  attempts: number | "",
): Promise<number> {
  const keys = { record: keyOf(prefix, tag, part), user: keyOf(prefix, tag, "u1") };
  const claim = { digest, purpose: checkText("purpose", purpose), name, data: checkText("data", JSON.stringify(data)) };
  const values = { ...keys, ...claim, ttl: checkDuration("ttl", ttl), attempts, request: randomText(9) };
  return issueScript(redis, values, { signal, idempotent: true });
}

async function consumeLink(
  issuer: Issuer,
  token: string | null | undefined,
  { purpose, signal }: TokenCallOptions & Pick<TokenClaim, "purpose">,
): Promise<Consumed | null> {
  checkText("purpose", purpose);
  const [whole, tag = "", name = ""] = typeof token === "string" ? (shape.exec(token) ?? []) : [];
  if (whole === undefined) return null;
  return consume(issuer, tag, `t1:${name}`, await sha256(whole), purpose, signal);
}

async function consumeCode(
  issuer: Issuer,
  { user, purpose, code, signal }: TokenClaim & TokenCallOptions & { readonly code: string },
): Promise<Consumed | null> {
  const tag = await userTag(issuer.prefix, user);
  const part = codePart(checkText("purpose", purpose));
  // What cannot be a code is a wrong one all the same: it counts.
  const digest = await codeDigest(issuer, tag, purpose, typedDigits(code, issuer.digits) ?? "");
  return consume(issuer, tag, part, digest, purpose, signal);
}

function consume(
  { redis, prefix }: Issuer,
  tag: string,
  part: string,
  digest: string,
  purpose: string,
  signal: AbortSignal | undefined,
): Promise<Consumed> {
  const keys = { record: keyOf(prefix, tag, part), user: keyOf(prefix, tag, "u1") };
  const values = { ...keys, digest, purpose, request: randomText(9), replayable };
  return consumeScript(redis, values, { signal, idempotent: true });
}

function codePart(purpose: string): string {
  return `c1:${encodeId(purpose)}`;
}

function codeDigest({ pepper }: Issuer, tag: string, purpose: string, code: string): Promise<string> {
  return sha256(`${pepper}:${tag}:${purpose}:${code}`);
}

function claimed(consumed: Consumed | null) {
  return consumed?.accepted ? { user: consumed.user, data: JSON.parse(consumed.data) } : null;
}

function verdict(consumed: Consumed | null): CodeVerdict<never> {
  if (!consumed?.accepted) return { accepted: false, attemptsLeft: consumed?.attemptsLeft ?? 0 };
  return { accepted: true, data: JSON.parse(consumed.data) };
}
