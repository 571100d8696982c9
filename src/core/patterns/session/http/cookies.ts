import { checkDurationOrZero, checkOneOf } from "../../../check.ts";
import { unchecked } from "../../../unchecked.ts";
import { contexts } from "../context.ts";
import { create } from "../create.ts";
import type { SessionPatch } from "../data.ts";
import { type LoginOptions, loginSession } from "../operations/login.ts";
import { heldBy, type Session, type SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { cookieValue, type SessionCookie, sessionCookie, type SessionCookieOptions } from "./set-cookie.ts";

/** All that a framework must offer: two functions. */
export interface HeaderJar {
  /** Reads a header of the request. */
  read(name: string): string | null | undefined;
  /** Appends a header to the response. */
  write(name: string, value: string): void;
}

/** Options of `createSessionCookies`. */
export interface SessionCookiesOptions extends SessionCookieOptions {
  /**
   * How old a token may become before `open` rotates it, in milliseconds; 0 for as old as its session (the renewal timeout of
   * OWASP's session management sheet).
   * @default 0
   */
  readonly renewEvery?: number | undefined;
  /**
   * What else the browser forgets at logout: the words of the `Clear-Site-Data` header, none to leave it out. "cookies" means those
   * of the whole site, its other subdomains too.
   * @default ["cache", "cookies", "storage"]
   */
  readonly clearSiteData?: readonly ("cache" | "cookies" | "storage")[] | undefined;
}

const words = ["cache", "cookies", "storage"] as const;

/** One request of one visitor, who may have a session or not. */
export interface Visit<Data extends object> {
  /** The session, or `null`. */
  readonly session: Session<Data> | null;
  /** Who it is; `null` while nobody is logged in. */
  readonly user: string | null;
  /** What the session holds; empty without one. */
  readonly data: Readonly<Partial<Data>>;
  /**
   * As `session.set`. The first value begins an anonymous session, even if several are set at once; until then nothing is stored.
   * @throws {SessionGoneError} The session has ended meanwhile.
   */
  set(patch: SessionPatch<Data>, options?: SessionCallOptions): Promise<void>;
  /** As `loginSession`, and sets the cookie. */
  login(user: string, options?: LoginOptions<Data>): Promise<Session<Data>>;
  /** As `session.rotate`, and sets the cookie. Without a session it does nothing. */
  rotate(options?: SessionCallOptions): Promise<void>;
  /** Removes the cookie and ends the session. */
  logout(options?: SessionCallOptions): Promise<void>;
}

/** Sessions over HTTP. */
export interface SessionCookies<Data extends object> {
  /** Reads the visitor's session: one round trip, none without a cookie. Await it before the response's headers are sent. */
  open(jar: HeaderJar, options?: SessionCallOptions): Promise<Visit<Data>>;
}

/**
 * Carries sessions in a cookie that scripts and other sites cannot read.
 * @example
 * const headers = new Headers();
 * const sessions = createSessions(redis, { idle: minutes(30), absolute: hours(12) });
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
  const { renewEvery = 0, clearSiteData = words } = options;
  contexts.of(sessions);
  const renewal = checkDurationOrZero("renewEvery", renewEvery);
  const cookie = sessionCookie(options);
  const forget = clearSiteData.map((word) => `"${checkOneOf("clearSiteData", word, words)}"`).join(", ");
  return {
    async open(jar, call) {
      // A cookie without a session is left alone: a slow request with a rotated token would remove the new one.
      const session = await sessions.read(cookieValue(jar.read("cookie"), cookie.name), call);
      const visit = new LiveVisit<Data>({ sessions, cookie, jar, session, forget, beginning: undefined });
      if (renewal > 0 && session && tokenAge(session) >= renewal) await visit.rotate(call);
      return visit;
    },
  };
}

function tokenAge(session: object): number {
  const { now, rotatedAt } = heldBy(session).snapshot;
  return now - rotatedAt;
}

interface Stay<Data extends object> {
  readonly sessions: Sessions<Data>;
  readonly cookie: SessionCookie;
  readonly jar: HeaderJar;
  /** The value of `Clear-Site-Data`. */
  readonly forget: string;
  session: Session<Data> | null;
  /** The anonymous session that is being created. */
  beginning: Promise<void> | undefined;
}

// A class, as the session is, for the same reason.
class LiveVisit<Data extends object> implements Visit<Data> {
  readonly #stay: Stay<Data>;
  readonly set: Visit<Data>["set"] = (patch, call) => set(this.#stay, patch, call);
  readonly login: Visit<Data>["login"] = (user, options) => login(this.#stay, user, options);
  readonly rotate: Visit<Data>["rotate"] = (call) => rotate(this.#stay, call);
  readonly logout: Visit<Data>["logout"] = (call) => logout(this.#stay, call);

  constructor(stay: Stay<Data>) {
    this.#stay = stay;
  }

  get session(): Session<Data> | null {
    return this.#stay.session;
  }

  get user(): string | null {
    return this.session?.user ?? null;
  }

  get data(): Readonly<Partial<Data>> {
    return this.session?.data ?? unchecked<Partial<Data>>({});
  }
}

async function login<Data extends object>(
  stay: Stay<Data>,
  user: string,
  options?: LoginOptions<Data>,
): Promise<Session<Data>> {
  while (stay.beginning) await stay.beginning;
  return enter(stay, await loginSession(stay.sessions, stay.session, user, options));
}

async function rotate<Data extends object>(stay: Stay<Data>, call?: SessionCallOptions): Promise<void> {
  const { session } = stay;
  const old = session?.token;
  if (session && (await session.rotate(call)) !== old) enter(stay, session);
}

async function set<Data extends object>(
  stay: Stay<Data>,
  patch: SessionPatch<Data>,
  call?: SessionCallOptions,
): Promise<void> {
  while (stay.beginning) await stay.beginning;
  if (stay.session) return stay.session.set(patch, call);
  if (Object.values(patch).every((value) => value === undefined)) return undefined;
  const begin = async () => void enter(stay, await create<Data>(contexts.of(stay.sessions), { ...call, data: patch }));
  stay.beginning = begin().finally(() => (stay.beginning = undefined));
  return stay.beginning;
}

async function logout<Data extends object>(stay: Stay<Data>, call?: SessionCallOptions): Promise<void> {
  const { session, cookie, jar, forget } = stay;
  stay.session = null;
  // First the cookie: if Redis is down, this browser at least is logged out, and the error tells the application.
  jar.write("Set-Cookie", cookie.clear());
  if (forget !== "") jar.write("Clear-Site-Data", forget);
  await session?.destroy(call);
}

function enter<Data extends object>(stay: Stay<Data>, session: Session<Data>): Session<Data> {
  const { now, ends, remembered } = heldBy(session).snapshot;
  stay.session = session;
  stay.jar.write("Set-Cookie", stay.cookie.set(session.token, remembered ? ends - now : undefined));
  return session;
}
