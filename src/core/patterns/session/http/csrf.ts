import { randomText } from "../../../crypto.ts";
import { createHmac } from "../hmac.ts";
import type { HeaderJar } from "./visit.ts";

/** Tokens for forms that only the session they were made for can send. */
export interface Csrf {
  /** Makes a token for the session's forms. Each call makes another one, so that compressed pages do not leak it. */
  token(session: { readonly id: string }): Promise<string>;
  /**
   * Checks a token that a form has sent. A token outlives rotations, and ends with the session.
   * @returns True if it was made for this session.
   */
  verify(session: { readonly id: string }, token: unknown): Promise<boolean>;
}

/**
 * Creates tokens that bind forms to sessions by HMAC (the signed double-submit pattern of OWASP's CSRF sheet, without a second
 * cookie). It costs no round trip.
 * @param secrets Each at least 32 random characters: the first signs, all verify.
 * @throws {OptionError} A secret is too short, or there is none.
 * @example
 * const csrf = createCsrf(["32 random characters from your secret store"]);
 * const session = await createSessions(redis, { prefix: "shop", idle: minutes(30), absolute: hours(12) }).read(token);
 * const field = session && (await csrf.token(session));
 * const genuine = session && (await csrf.verify(session, field));
 */
export function createCsrf(secrets: readonly string[]): Csrf {
  const { sign, verify } = createHmac("secrets", secrets);
  const bind = (id: string, nonce: string) => `csrf!${id}!${nonce}`;
  return {
    async token({ id }) {
      const nonce = randomText(12);
      return `${nonce}.${await sign(bind(id, nonce))}`;
    },
    async verify({ id }, token) {
      const [, nonce = "", mac = ""] =
        typeof token === "string" ? (/^([\w-]{16})\.([\w-]{43})$/.exec(token) ?? []) : [];
      return nonce !== "" && verify(bind(id, nonce), mac);
    },
  };
}

/** Options of `isSameOrigin`. */
export interface OriginCheck {
  /** The request's method. */
  readonly method: string;
  /** Reads a header of the request. */
  readonly read: HeaderJar["read"];
  /**
   * Other origins that may send forms here, such as "https://app.example.org".
   * @default []
   */
  readonly trustedOrigins?: readonly string[] | undefined;
}

/**
 * Tells whether a request may change something: not if it comes from a page of another site, by what the browser itself says. That is
 * the `Sec-Fetch-Site` header, or `Origin` against `Host` where a browser is too old for it. A request with neither header comes from
 * no browser, so that no visitor was tricked into sending it. (The algorithm of Go's `net/http.CrossOriginProtection`.)
 */
export function isSameOrigin({ method, read, trustedOrigins = [] }: OriginCheck): boolean {
  if (["GET", "HEAD", "OPTIONS"].includes(method)) return true;
  const origin = read("origin");
  if (origin && trustedOrigins.includes(origin)) return true;
  const site = read("sec-fetch-site");
  if (site) return site === "same-origin" || site === "none";
  return !origin || hostOf(origin) === read("host");
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
