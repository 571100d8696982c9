import { checkOneOf, checkText } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";

/** The attributes of the session's cookie. */
export interface SessionCookieOptions {
  /**
   * The cookie's name. Browsers hold `__Host-` cookies to `Secure`, `Path=/` and no `Domain`, so that no subdomain can plant one.
   * @default "__Host-session"
   */
  readonly name?: string | undefined;
  /**
   * The requests from other sites that carry the cookie: followed links only (`Lax`), none (`Strict`), or all (`None`).
   * @default "Lax"
   */
  readonly sameSite?: "Lax" | "Strict" | "None" | undefined;
  /**
   * The path below which the cookie is sent.
   * @default "/"
   */
  readonly path?: string | undefined;
  /**
   * The domain whose subdomains get the cookie too. It needs a name without `__Host-`.
   * @default the host that set it, alone
   */
  readonly domain?: string | undefined;
  /**
   * True to send it over HTTPS only. `false` is for local development and needs a name without a prefix.
   * @default true
   */
  readonly secure?: boolean | undefined;
}

/** Writes the headers of one cookie. */
export interface SessionCookie {
  readonly name: string;
  /**
   * @param maxAge In milliseconds; without it the cookie ends with the browser.
   * @returns The value of a `Set-Cookie` header.
   */
  set(value: string, maxAge?: number): string;
  /** @returns The value of a `Set-Cookie` header that removes it. */
  clear(): string;
}

/** RFC 6265bis, section 5.6 (4,096 bytes of name and value) and section 5.5 (400 days). */
const maxBytes = 4_096;
const maxDays = 34_560_000;

/** Checks the options together: a browser drops a cookie that contradicts itself without a word. */
export function createCookie(options: SessionCookieOptions): SessionCookie {
  const { name = "__Host-session", sameSite = "Lax", path = "/", domain, secure = true } = options;
  if (!/^[!#$%&'*+.^`|~\w-]+$/.test(name))
    throw new OptionError("`name` must be a cookie name such as `__Host-session`");
  if (!/^\/[!-+\--:<-~]*$/.test(checkText("path", path) + (domain ?? ""))) {
    throw new OptionError("`path` must begin with `/`, and neither it nor `domain` hold a space, `,` or `;`");
  }
  if (/^__(Host|Secure)-/i.test(name) && !secure) {
    throw new OptionError("`secure: false` needs a `name` without the prefix `__Host-` or `__Secure-`");
  }
  if (/^__Host-/i.test(name) && (domain !== undefined || path !== "/")) {
    throw new OptionError("`domain` and `path` need a `name` without the prefix `__Host-`");
  }
  if (checkOneOf("sameSite", sameSite, ["Lax", "Strict", "None"]) === "None" && !secure) {
    throw new OptionError('`sameSite: "None"` needs `secure`');
  }
  const scope = `; Path=${path}${domain === undefined ? "" : `; Domain=${domain}`}`;
  const attributes = `${scope}; HttpOnly${secure ? "; Secure" : ""}; SameSite=${sameSite}`;
  return {
    name,
    set(value, maxAge) {
      if (name.length + value.length > maxBytes)
        throw new OptionError("`name` and token exceed the 4,096 bytes of a cookie");
      const age = maxAge === undefined ? "" : `; Max-Age=${Math.min(Math.floor(maxAge / 1_000), maxDays)}`;
      return `${name}=${value}${age}${attributes}`;
    },
    clear: () => `${name}=; Max-Age=0${attributes}`,
  };
}

/** Reads the first value of a cookie in a `Cookie` header. */
export function readCookie(header: string | null | undefined, name: string): string | undefined {
  const pair = header?.split(";").find((pair) => pair.slice(0, pair.indexOf("=")).trim() === name);
  return pair?.slice(pair.indexOf("=") + 1).trim();
}
