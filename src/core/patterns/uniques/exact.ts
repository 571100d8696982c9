import { exactPart } from "./format.ts";
import type { CountKind } from "./options.ts";
import { addExact, countExact, mergeExact } from "./scripts/exact.lua.ts";

/**
 * Counts exactly, in a set of all members: about 50 bytes for each. Only these counters know their members: `hasMember`, `removeMember`,
 * `listMembers`.
 */
export function exact(): CountKind<"exact"> {
  return { name: "exact", parts: [exactPart], add: addExact, count: countExact, merge: mergeExact };
}
