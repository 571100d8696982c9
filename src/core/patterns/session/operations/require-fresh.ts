import { checkDuration } from "../../../check.ts";
import { ReauthenticationError } from "../errors.ts";
import { heldBy } from "../session.ts";

/**
 * Lets a session through whose user proved who they are at most `maxAge` before it was read: for what a stolen cookie must not do,
 * such as changing the password. Asks no clock but the server's, and no round trip.
 * @param maxAge In milliseconds.
 * @throws {ReauthenticationError} It was longer ago, or never; ask for the password and call `loginSession`.
 */
export function requireFresh(session: object, maxAge: number): void {
  const { now, authenticatedAt, user } = heldBy(session).snapshot;
  if (now - authenticatedAt > checkDuration("maxAge", maxAge) || user === null) throw new ReauthenticationError();
}
