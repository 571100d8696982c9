export type { Codec } from "../../data/codec.ts";
export type { SessionLimits } from "./context.ts";
export type { NewSession, SessionDevice } from "./create.ts";
export type { SessionPatch } from "./data.ts";
export {
  ReauthenticationError,
  SessionConflictError,
  SessionDataError,
  SessionGoneError,
  SessionLimitError,
  SessionTooLargeError,
} from "./errors.ts";
export type { SessionCookies, SessionCookiesOptions } from "./http/cookies.ts";
export { createSessionCookies } from "./http/cookies.ts";
export type { Csrf, OriginCheck } from "./http/csrf.ts";
export { createCsrf, isSameOrigin } from "./http/csrf.ts";
export type { SessionCookieOptions, SessionCookieScope } from "./http/set-cookie.ts";
export type { HeaderJar, Visit } from "./http/visit.ts";
export { extendSession } from "./operations/extend.ts";
export type { SessionInfo } from "./operations/list.ts";
export { listSessions } from "./operations/list.ts";
export type { LoginOptions } from "./operations/login.ts";
export { loginSession } from "./operations/login.ts";
export { requireFresh } from "./operations/require-fresh.ts";
export { revokeEverybody } from "./operations/revoke-everybody.ts";
export type { RevokeOptions } from "./operations/revoke.ts";
export { revokeSession } from "./operations/revoke.ts";
export { takeField } from "./operations/take-field.ts";
export type { UpdateOptions } from "./operations/update.ts";
export { updateSession } from "./operations/update.ts";
export type { SessionOptions } from "./options.ts";
export type { Session, SessionCallOptions } from "./session.ts";
export type { RevokeAllOptions, Sessions } from "./sessions.ts";
export { createSessions } from "./sessions.ts";
export type { TokenSigner, VerifiedToken } from "./signer.ts";
export { hmacSigner } from "./signer.ts";
