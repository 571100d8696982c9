import { unchecked } from "../../../unchecked.ts";
import { contextOf } from "../context.ts";
import { createSession } from "../create.ts";
import type { SessionPatch } from "../data.ts";
import { stateOf } from "../live-session.ts";
import { type LoginOptions, loginSession } from "../operations/login.ts";
import type { Session, SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import type { SessionCookie } from "./set-cookie.ts";

/** All that a framework must offer: two functions. */
export interface HeaderJar {
  /** Reads a header of the request. */
  read(name: string): string | null | undefined;
  /**
   * Appends a header to the response.
   * @param replaced The value that was written before under this name in the same request, which the new one makes void. Leave that out of
   * the response if the framework can; else a browser gets two cookies of one name, and keeps the last.
   */
  write(name: string, value: string, replaced?: string): void;
}

/** One request of one visitor, who may have a session or not. */
export interface Visit<Data extends object> {
  /** The session, or `null`. */
  readonly session: Session<Data> | null;
  /** The user; `null` while nobody is logged in. */
  readonly user: string | null;
  /** The data of the session; empty without one. */
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

/** The inside of a visit. */
export interface VisitState<Data extends object> {
  readonly sessions: Sessions<Data>;
  readonly cookie: SessionCookie;
  readonly jar: HeaderJar;
  /** The value of `Clear-Site-Data`. */
  readonly clearSiteData: string;
  session: Session<Data> | null;
  /** Live sessions of other cookies of the request. */
  readonly others: readonly Session<Data>[];
  /** The cookie that this response has set. */
  written: string | undefined;
  /** The anonymous session that is being created. */
  creation: Promise<void> | undefined;
}

// A class, as the session is, for the same reason.
export class LiveVisit<Data extends object> implements Visit<Data> {
  readonly #state: VisitState<Data>;
  readonly set: Visit<Data>["set"] = (patch, options) => set(this.#state, patch, options);
  readonly login: Visit<Data>["login"] = (user, options) => login(this.#state, user, options);
  readonly rotate: Visit<Data>["rotate"] = (options) => rotate(this.#state, options);
  readonly logout: Visit<Data>["logout"] = (options) => logout(this.#state, options);

  constructor(state: VisitState<Data>) {
    this.#state = state;
  }

  get session(): Session<Data> | null {
    return this.#state.session;
  }

  get user(): string | null {
    return this.session?.user ?? null;
  }

  get data(): Readonly<Partial<Data>> {
    return this.session?.data ?? unchecked<Partial<Data>>({});
  }
}

async function set<Data extends object>(
  state: VisitState<Data>,
  patch: SessionPatch<Data>,
  options?: SessionCallOptions,
): Promise<void> {
  while (state.creation) await state.creation;
  if (state.session) return state.session.set(patch, options);
  if (Object.values(patch).every((value) => value === undefined)) return undefined;
  state.creation = beginSession(state, patch, options).finally(() => (state.creation = undefined));
  return state.creation;
}

async function beginSession<Data extends object>(
  state: VisitState<Data>,
  data: object,
  options?: SessionCallOptions,
): Promise<void> {
  await beginWith(state, await createSession<Data>(contextOf(state.sessions), { ...options, data }));
}

async function login<Data extends object>(
  state: VisitState<Data>,
  user: string,
  options?: LoginOptions<Data>,
): Promise<Session<Data>> {
  while (state.creation) await state.creation;
  return beginWith(state, await loginSession(state.sessions, state.session, user, options));
}

async function rotate<Data extends object>(state: VisitState<Data>, options?: SessionCallOptions): Promise<void> {
  const { session } = state;
  const old = session?.token;
  if (session && (await session.rotate(options)) !== old) setSession(state, session);
}

async function logout<Data extends object>(state: VisitState<Data>, options?: SessionCallOptions): Promise<void> {
  // Whoever called `set` hears its error.
  await state.creation?.catch(() => undefined);
  const { session, others, cookie, clearSiteData } = state;
  state.session = null;
  // First the cookie: if Redis is down, this browser at least is logged out, and the error tells the application.
  try {
    const [cleared = "", ...more] = cookie.clear();
    writeCookie(state, cleared);
    for (const value of more) state.jar.write("Set-Cookie", value);
    if (clearSiteData !== "") state.jar.write("Clear-Site-Data", clearSiteData);
  } finally {
    // Another cookie of this request must not log the visitor in again.
    await Promise.all([session, ...others].map((session) => session?.destroy(options)));
  }
}

/** Sets the cookie of a new session. If the framework refuses it, the session ends: nobody could use it. */
async function beginWith<Data extends object>(state: VisitState<Data>, session: Session<Data>): Promise<Session<Data>> {
  try {
    return setSession(state, session);
  } catch (error) {
    state.session = null;
    await session.destroy().catch(() => {});
    throw error;
  }
}

function setSession<Data extends object>(state: VisitState<Data>, session: Session<Data>): Session<Data> {
  const { now, ends, remembered } = stateOf(session).snapshot;
  state.session = session;
  writeCookie(state, state.cookie.set(session.token, remembered ? ends - now : undefined));
  return session;
}

/** Writes the cookie of today's scope, and says which one it replaces in this response. */
function writeCookie(state: { readonly jar: HeaderJar; written: string | undefined }, value: string): void {
  state.jar.write("Set-Cookie", value, state.written);
  state.written = value;
}
