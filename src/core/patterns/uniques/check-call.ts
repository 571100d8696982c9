import { checkMethods, checkOptions, checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { checkInstant, lastInstant } from "../../time/instant.ts";
import type { UniquesContext } from "./context.ts";
import type { UniquesCallOptions } from "./options.ts";

/** The most members of one `add`. */
const mostMembers = 1_000;

/** The greatest length of a member, in UTF-16 units. A thousand of them stay below the 10 MB that Upstash takes. */
const longestMember = 1_024;

/** Checks the options that all calls share. They may be absent. */
export function checkCall<T extends UniquesCallOptions>(
  { period }: Pick<UniquesContext, "period">,
  options: T | undefined,
  remedy = "{ signal }",
): T | Partial<T> {
  const { at, signal } = checkOptions(options, remedy) ?? {};
  checkMethods("signal", signal, "an AbortSignal", "throwIfAborted");
  if (at !== undefined) checkInstant("at", at, lastInstant);
  if (at !== undefined && !period) throw new OptionError("`at` names a period: give createUniques a `period`");
  return options ?? {};
}

/** Gives the members as a list. */
export function checkMembers(members: string | readonly string[]): readonly string[] {
  const list: unknown = typeof members === "string" ? [members] : members;
  if (!Array.isArray(list)) throw new OptionError("`members` must be a string or an array of strings");
  if (list.length > mostMembers) {
    throw new OptionError("`members` must be at most 1,000; add the rest by further calls");
  }
  for (const member of list) checkMember(member);
  return list;
}

/** Lone surrogates have no UTF-8 form: different members would be one. */
export function checkMember(member: string): string {
  if (checkText("member", member).length <= longestMember && !/\p{Surrogate}/u.test(member)) return member;
  throw new OptionError(`\`member\` must be well-formed text of at most ${longestMember} characters; use a hash of it`);
}
