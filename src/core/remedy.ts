import { isReplyError } from "./failure.ts";

/** What to do about the mistakes that Redis' own words do not explain. */
const remedies: readonly (readonly [clue: RegExp, remedy: string])[] = [
  [/^(NOAUTH|WRONGPASS)/, "check the password or token"],
  [/^NOPERM|in script|executing the script/, "the user needs what docs/acl.md lists"],
  [/WRONGTYPE/, "something else is stored under this key: choose another `prefix`"],
  [/^CROSSSLOT/, "keys of one call need one hash tag"],
  [/READONLY/, "this is a replica: connect to the master"],
  [/unknown (redis )?command/i, "this server does not have the command"],
];

/** Says in the message of a refusal what to do about it, and returns the error. */
export function addRemedy(error: unknown): unknown {
  if (!isReplyError(error)) return error;
  const remedy = remedies.find(([clue]) => clue.test(error.message))?.[1];
  // One error may be the answer to several commands.
  if (remedy && !error.message.endsWith(remedy)) error.message += `; ${remedy}`;
  return error;
}
