import { checkDuration } from "../../../check.ts";
import { ReauthenticationError } from "../errors.ts";
import { stateOf } from "../live-session.ts";

/**
 * Lets a session through if its user proved who they are at most `maxAge` before it was read. Ask for it before what a stolen cookie
 * must not do, such as changing the password. It goes by the server's clock, and costs no round trip.
 * @param maxAge In milliseconds.
 * @throws {ReauthenticationError} It was longer ago, or never; ask for the password and call `loginSession`.
 */
export function requireFresh(session: object, maxAge: number): void {
  const { now, authenticatedAt, user } = stateOf(session).snapshot;
  if (now - authenticatedAt > checkDuration("maxAge", maxAge) || user === null) throw new ReauthenticationError();
}
