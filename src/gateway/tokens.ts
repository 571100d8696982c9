import { OptionError } from "../core/errors.ts";
import { digest } from "../core/crypto.ts";

/** A bearer token and what it allows. */
export interface GatewayToken {
  readonly token: string;
  /**
   * Allows commands that only read, and of those neither `SCAN` nor `KEYS`, nor any script.
   * @default false
   */
  readonly readOnly?: boolean;
}

/** What a request may do. */
export interface Access {
  readonly readOnly: boolean;
}

/** Finds out what a request may do: `null` is nothing. The header wins over the query, even if it is wrong. */
export type Authenticator = (header: string | null, query: string | null) => Promise<Access | null>;

/** Lets the listed tokens in. Their digests are compared, so that how long a comparison takes says nothing about a token. */
export function createAuthenticator(tokens: readonly (string | GatewayToken)[]): Authenticator {
  if (!Array.isArray(tokens) || tokens.length === 0) throw new OptionError("`tokens` must list at least one token");
  const grants = tokens.map(checkToken);
  // The digests are kept, never their promise: in a Worker, one request must not wait for what another one started.
  let digests: readonly Uint8Array[] = [];
  return async (header, query) => {
    const given = header === null ? query : parseBearer(header);
    if (given === null) return null;
    if (digests.length === 0) digests = await Promise.all(grants.map(({ token }) => digest("SHA-256", token)));
    const offered = await digest("SHA-256", given);
    const matches = digests.map((expected) => areEqualBytes(expected, offered));
    return grants.find((_, i) => matches[i]) ?? null;
  };
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

/** Compares to the end whatever it meets, so that the time taken does not tell how much was right. */
export function areEqualBytes(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
