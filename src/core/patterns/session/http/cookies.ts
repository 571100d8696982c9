import { checkDurationOrZero, checkOneOf } from "../../../check.ts";
import { contextOf } from "../context.ts";
import { stateOf } from "../live-session.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { createCookie, readCookie, type SessionCookieOptions } from "./set-cookie.ts";
import { type HeaderJar, LiveVisit, type Visit } from "./visit.ts";

/** Options of `createSessionCookies`. */
export interface SessionCookiesOptions extends SessionCookieOptions {
  /**
   * The age of a token at which `open` rotates it, in milliseconds; 0 for never (the renewal timeout of OWASP's session management
   * sheet).
   * @default 0
   */
  readonly renewEvery?: number | undefined;
  /**
   * The words of the `Clear-Site-Data` header that a logout sends, so that the browser forgets more than the session's cookie; none to
   * leave it out. "cookies" means those of the whole site, its other subdomains too.
   * @default ["cache", "cookies", "storage"]
   */
  readonly clearSiteData?: readonly ("cache" | "cookies" | "storage")[] | undefined;
}

const siteData = ["cache", "cookies", "storage"] as const;

/** Sessions over HTTP. */
export interface SessionCookies<Data extends object> {
  /** Reads the visitor's session: one round trip, none without a cookie. Await it before the response's headers are sent. */
  open(jar: HeaderJar, options?: SessionCallOptions): Promise<Visit<Data>>;
}

/**
 * Carries sessions in a cookie that scripts and other sites cannot read.
 * @throws {OptionError} The attributes of the cookie contradict each other.
 * @example
 * const headers = new Headers();
 * const sessions = createSessions(redis, { prefix: "shop", idle: minutes(30), absolute: hours(12) });
 * const cookies = createSessionCookies(sessions);
 * const visit = await cookies.open({
 *   read: (name) => request.headers.get(name),
 *   write: (name, value) => headers.append(name, value),
 * });
 * await visit.login("u1");
 */
export function createSessionCookies<Data extends object>(
  sessions: Sessions<Data>,
  options: SessionCookiesOptions = {},
): SessionCookies<Data> {
  const { renewEvery = 0, clearSiteData: words = siteData } = options;
  contextOf(sessions);
  const renewAge = checkDurationOrZero("renewEvery", renewEvery);
  const cookie = createCookie(options);
  const clearSiteData = words.map((word) => `"${checkOneOf("clearSiteData", word, siteData)}"`).join(", ");
  return {
    async open(jar, call) {
      // A cookie without a session is left alone: a slow request with a rotated token would remove the new one.
      const session = await sessions.read(readCookie(jar.read("cookie"), cookie.name), call);
      const visit = new LiveVisit<Data>({ sessions, cookie, jar, session, clearSiteData, creation: undefined });
      if (renewAge > 0 && session && ageOfToken(session) >= renewAge) await visit.rotate(call);
      return visit;
    },
  };
}

function ageOfToken(session: object): number {
  const { now, rotatedAt } = stateOf(session).snapshot;
  return now - rotatedAt;
}
