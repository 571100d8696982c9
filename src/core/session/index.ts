export type { SessionCodec } from "./codec.ts";
export type { SessionLimits } from "./context.ts";
export type { SessionPatch } from "./data.ts";
export { SessionLimitError, SessionTooLargeError } from "./errors.ts";
export type { Session, SessionCallOptions } from "./session.ts";
export type { NewSession, RevokeAllOptions, SessionOptions, Sessions } from "./sessions.ts";
export { createSessions } from "./sessions.ts";
export type { TokenSigner } from "./signer.ts";
