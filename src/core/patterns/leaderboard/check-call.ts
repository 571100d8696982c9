import { checkCount, checkList, checkMethods, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { BoardCallOptions } from "./options.ts";
import type { FirstToReach } from "./ties.ts";

/** Pages and lists have at most so many members, so that one call holds nobody up. */
const most = 1_000;

/** The greatest score. So many of them have a finite sum. */
const maxScore = 1e300;

/** Checks the options of a call that reads. They may be absent. */
export function checkCall<T extends BoardCallOptions | undefined>(options: T, remedy = "{ signal }"): T {
  checkMethods("signal", checkOptions(options, remedy)?.signal, "an AbortSignal", "throwIfAborted");
  return options;
}

export function checkLimit(limit: number): number {
  if (checkCount("limit", limit) <= most) return limit;
  throw new OptionError(`\`limit\` must be at most ${most}; ask for the next page by \`cursor\``);
}

export function checkMembers(members: readonly string[]): readonly string[] {
  if (checkList("members", members).length <= most) return members;
  throw new OptionError(`\`members\` must have at most ${most} items; ask for them in parts`);
}

export function checkScore(name: string, score: number): number {
  if (typeof score === "number" && Math.abs(score) <= maxScore) return score;
  const remedy = typeof score === "object" ? ", such as 10; options come after it" : "";
  throw new OptionError(`\`${name}\` must be a finite number of at most ${maxScore}${remedy}`);
}

/** Points for a board of whole scores. */
export function checkWhole(first: FirstToReach | undefined, name: string, points: number): void {
  if (!first || Number.isSafeInteger(points)) return;
  throw new OptionError(`\`${name}\` must be a whole number: \`firstToReach\` keeps whole scores`);
}
