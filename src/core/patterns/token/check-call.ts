import { checkMethods, checkOptions, checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { NewToken, TokenCallOptions, TokenSubject } from "./options.ts";

/** Checks the options that all calls share. */
export function checkCall<T extends TokenCallOptions | undefined>(options: T, remedy: string): T {
  checkMethods("signal", checkOptions(options, remedy)?.signal, "an AbortSignal", "throwIfAborted");
  return options;
}

/** Checks the options of a call for one purpose. */
export function checkPurpose<T extends TokenCallOptions & Pick<TokenSubject, "purpose">>(
  options: T,
  remedy: string,
): T {
  if (options === undefined) throw new OptionError(`\`options\` must be an object, such as ${remedy}`);
  checkText("purpose", checkCall(options, remedy).purpose);
  return options;
}

/** Checks a token that is to be issued. */
export function checkNewToken(token: NewToken<unknown>): void {
  checkText("user", checkPurpose(token, '{ user: "u1", purpose: "login" }').user);
}
