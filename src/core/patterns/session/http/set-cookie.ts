import { checkFlag, checkList, checkOneOf, checkOptions, checkText } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";

/** What a browser tells one cookie of a name from another by. */
export interface SessionCookieScope {
  /**
   * The cookie's name. Browsers hold `__Host-` cookies to `Secure`, `Path=/` and no `Domain`, so that no subdomain can plant one.
   * @default "__Host-session"
   */
  readonly name?: string | undefined;
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
}

/** The attributes of the session's cookie. */
export interface SessionCookieOptions extends SessionCookieScope {
  /**
   * The requests from other sites that carry the cookie: followed links only (`Lax`), none (`Strict`), or all (`None`).
   * @default "Lax"
   */
  readonly sameSite?: "Lax" | "Strict" | "None" | undefined;
  /**
   * True to send it over HTTPS only. `false` is for local development and needs a name without a prefix.
   * @default true
   */
  readonly secure?: boolean | undefined;
  /**
   * True to give each site that embeds this one in a frame a cookie of its own (CHIPS). It needs `secure`, and `sameSite: "None"` to be sent
   * from a frame.
   * @default false
   */
  readonly partitioned?: boolean | undefined;
  /**
   * The names, paths and domains that the cookie had before a change of these options, for as long as browsers keep such cookies. They are
   * read too, and `logout` removes them.
   * @default []
   */
  readonly previous?: readonly SessionCookieScope[] | undefined;
}

/** Writes the headers of one cookie. */
export interface SessionCookie {
  /** The names to read, today's first. */
  readonly names: readonly string[];
  /**
   * @param maxAge In milliseconds; without it the cookie ends with the browser.
   * @returns The value of a `Set-Cookie` header.
   */
  set(value: string, maxAge?: number): string;
  /** @returns The values of the `Set-Cookie` headers that remove it in every scope that it may have been set with. */
  clear(): string[];
}

/** RFC 6265bis, section 5.6 (4,096 bytes of name and value) and section 5.5 (400 days). */
const maxBytes = 4_096;
const maxSeconds = 34_560_000;

/** Checks the options together: a browser drops a cookie that contradicts itself without a word. */
export function createCookie(options: SessionCookieOptions): SessionCookie {
  const { sameSite = "Lax", secure = true, partitioned = false, previous = [] } = checkOptions(options, "{ name }");
  checkFlag("secure", secure);
  if (checkOneOf("sameSite", sameSite, ["Lax", "Strict", "None"]) === "None" && !secure) {
    throw new OptionError('`sameSite: "None"` needs `secure`');
  }
  if (checkFlag("partitioned", partitioned) && !secure) {
    throw new OptionError("`partitioned` needs `secure: true`, and the page to be on HTTPS");
  }
  const scopes = [options, ...checkList("previous", previous)].map((scope) => toScope(scope, secure));
  const { name = "", path, domain } = scopes[0] ?? {};
  const safety = `; HttpOnly${secure ? "; Secure" : ""}; SameSite=${sameSite}${partitioned ? "; Partitioned" : ""}`;
  // A browser keeps a cookie with a domain beside one without it, from before the option was set.
  const known = domain === undefined ? scopes : [...scopes, { name, path, domain: undefined }];
  return {
    names: [...new Set(scopes.map((scope) => scope.name))],
    set(value, maxAge) {
      if (name.length + value.length > maxBytes)
        throw new OptionError("`name` and token exceed the 4,096 bytes of a cookie");
      const age = maxAge === undefined ? "" : `; Max-Age=${Math.min(Math.floor(maxAge / 1_000), maxSeconds)}`;
      return `${name}=${value}${age}${toAttributes({ path, domain })}${safety}`;
    },
    clear: () => [...new Set(known.map((scope) => `${scope.name}=; Max-Age=0${toAttributes(scope)}${safety}`))],
  };
}

function toAttributes({ path = "/", domain }: SessionCookieScope): string {
  return `; Path=${path}${domain === undefined ? "" : `; Domain=${domain}`}`;
}

function toScope(scope: SessionCookieScope, secure: boolean): SessionCookieScope & { readonly name: string } {
  const { name = "__Host-session", path = "/", domain } = checkOptions(scope, "{ name, path, domain }");
  if (!/^[!#$%&'*+.^`|~\w-]+$/.test(checkText("name", name)))
    throw new OptionError("`name` must be a cookie name such as `__Host-session`");
  if (domain !== undefined) checkText("domain", domain);
  if (!/^\/[!-+\--:<-~]*$/.test(checkText("path", path) + (domain ?? ""))) {
    throw new OptionError("`path` must begin with `/`, and neither it nor `domain` hold a space, `,` or `;`");
  }
  if (/^__(Host|Secure)-/i.test(name) && !secure) {
    throw new OptionError("`secure: false` needs a `name` without the prefix `__Host-` or `__Secure-`");
  }
  if (/^__Host-/i.test(name) && (domain !== undefined || path !== "/")) {
    throw new OptionError("`domain` and `path` need a `name` without the prefix `__Host-`");
  }
  return { name, path, domain };
}
