import { OptionError } from "../core/errors.ts";
import { digest } from "../core/crypto.ts";
import { unchecked } from "../core/unchecked.ts";
import { nodeModule } from "./node.ts";

/** A bearer token and its rights. */
export interface GatewayToken {
  readonly token: string;
  /**
   * `true` allows only commands that read, without `SCAN`, `KEYS` and scripts.
   * @default false
   */
  readonly readOnly?: boolean;
}

/** The rights of a request. */
export interface Access {
  readonly readOnly: boolean;
}

/** Finds the rights of a request, or `null` without a valid token. A header counts before the query, even if it is wrong. */
export type Authenticator = (header: string | null, query: string | null) => Access | null | Promise<Access | null>;

/** The SHA-256 of a text. */
export type TokenDigest = (text: string) => Uint8Array | Promise<Uint8Array>;

/**
 * Creates the check of tokens. It compares digests, so that the duration of a comparison tells nothing about a token. A token that was right
 * is looked up the next time: a look-up compares hashes with a secret seed before it compares characters.
 */
export function createAuthenticator(
  tokens: readonly (string | GatewayToken)[],
  digestOf: TokenDigest = findDigest(),
): Authenticator {
  if (!Array.isArray(tokens) || tokens.length === 0) throw new OptionError("`tokens` must list at least one token");
  const grants = tokens.map(checkToken);
  // The digests are kept, not their promise: in a Worker, a request must not wait for work that another request started.
  let digests: readonly Uint8Array[] = [];
  const accepted = new Map<string, Access>();
  const check = async (given: string) => {
    if (digests.length === 0) digests = await Promise.all(grants.map(({ token }) => digestOf(token)));
    const offered = await digestOf(given);
    const matches = digests.map((expected) => areEqualBytes(expected, offered));
    const grant = grants.find((_, i) => matches[i]) ?? null;
    if (grant) accepted.set(given, grant);
    return grant;
  };
  return (header, query) => {
    const given = header === null ? query : parseBearer(header);
    return given === null ? null : (accepted.get(given) ?? check(given));
  };
}

/** The digest of WebCrypto makes a trip over a pool of threads. Node has one that does not. */
function findDigest(): TokenDigest {
  const node = unchecked<{ hash?(...args: string[]): Uint8Array } | undefined>(nodeModule("node:crypto"));
  return (text) => node?.hash?.("sha256", text, "buffer") ?? digest("SHA-256", text);
}

function checkToken(entry: string | GatewayToken): Access & { readonly token: string } {
  const { token, readOnly = false } = typeof entry === "string" ? { token: entry } : entry;
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return { token, readOnly };
  throw new OptionError(
    "`tokens` must be made of printable ASCII without spaces, such as 32 random hexadecimal digits",
  );
}

function parseBearer(header: string): string | null {
  return /^bearer +(\S+) *$/i.exec(header)?.[1] ?? null;
}

/** Compares all bytes, even after a difference, so that the duration does not tell how many were right. */
export function areEqualBytes(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
