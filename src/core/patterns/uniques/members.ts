import { OptionError } from "../../errors.ts";
import { contextOf, type UniquesContext } from "./context.ts";
import type { Uniques } from "./options.ts";

/**
 * The context of counters that know their members.
 * @throws {OptionError} They do not, or were not made by `createUniques`.
 */
export function exactContext(uniques: Uniques): UniquesContext {
  const context = contextOf(uniques);
  if (context.kind.name === "exact") return context;
  throw new OptionError("`uniques` must count by exact(): an estimate does not know its members");
}
