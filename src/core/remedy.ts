import { isReplyError } from "./failure.ts";

/** What to do about the refusals that Redis' own words do not explain, by code. */
const remedies: Readonly<Record<string, string>> = {
  NOAUTH: "check the password",
  WRONGPASS: "check the password or token",
  NOPERM: "grant the user what docs/acl.md lists",
  WRONGTYPE: "the key is another program's: choose another `prefix`",
  CROSSSLOT: "keys of one call need one hash tag",
  READONLY: "this is a replica: connect to the master",
};

/** Says in the message of a refusal what to do about it. Returns what it was given. */
export function addRemedy<T>(failure: T): T {
  const remedy = isReplyError(failure) && remedies[failure.code];
  // One error may be the answer to several commands.
  if (remedy && !failure.message.endsWith(remedy)) failure.message += `; ${remedy}`;
  return failure;
}
