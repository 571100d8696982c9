import { checkDurationOrZero, checkList, checkOneOf, checkOptions } from "../../../check.ts";
import { contextOf } from "../context.ts";
import { stateOf } from "../live-session.ts";
import type { Session, SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { readCookies } from "./cookie-header.ts";
import { createCookie, type SessionCookie, type SessionCookieOptions } from "./set-cookie.ts";
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

/**
 * The number of cookies that one request is searched for: those of several paths, domains and names stand side by side in a browser. More
 * are not read, so that nobody can make one request cost many reads.
 */
const maxCookies = 4;

const siteData = ["cache", "cookies", "storage"] as const;

/** Sessions over HTTP. */
export interface SessionCookies<Data extends object> {
  /**
   * Reads the visitor's session: one round trip, none without a cookie. Where the request has several cookies of the name, the first four
   * are read side by side, and the first that is a live session counts. Await it before the response's headers are sent.
   */
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
  const { renewEvery = 0, clearSiteData: words = siteData } = checkOptions(options, "{ name }");
  contextOf(sessions);
  const renewAge = checkDurationOrZero("renewEvery", renewEvery);
  const cookie = createCookie(options);
  const clearSiteData = checkList("clearSiteData", words)
    .map((word) => `"${checkOneOf("clearSiteData", word, siteData)}"`)
    .join(", ");
  return {
    async open(jar, call = {}) {
      checkOptions(call);
      // A cookie without a session is left alone: a slow request with a rotated token would remove the new one.
      const [session = null, ...others] = await readSessions(sessions, cookie, jar, call);
      const state = { sessions, cookie, jar, session, others, clearSiteData, creation: undefined, written: undefined };
      const visit = new LiveVisit<Data>(state);
      if (renewAge > 0 && session && ageOfToken(session) >= renewAge) await visit.rotate(call);
      return visit;
    },
  };
}

async function readSessions<Data extends object>(
  sessions: Sessions<Data>,
  { names }: SessionCookie,
  jar: HeaderJar,
  call: SessionCallOptions | undefined,
): Promise<Session<Data>[]> {
  const header = jar.read("cookie");
  const values = new Set(names.flatMap((name) => readCookies(header, name, maxCookies)));
  const reads = [...values].slice(0, maxCookies).map((value) => sessions.read(value, call));
  return (await Promise.all(reads)).filter((session) => session !== null);
}

function ageOfToken(session: object): number {
  const { now, rotatedAt } = stateOf(session).snapshot;
  return now - rotatedAt;
}
