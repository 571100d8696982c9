import { checkCall, checkMember } from "../check-call.ts";
import { counterKeys, parseNumbers } from "../format.ts";
import { exactContext } from "../members.ts";
import type { Uniques, UniquesCallOptions } from "../options.ts";
import { hasMemberScript } from "../scripts/has-member.lua.ts";
import { askForSlots, edgesOf, textsOf } from "../slots.ts";

/**
 * Whether a member is counted, in the period that is meant.
 * @throws {OptionError} The counters do not count by `exact()`, so that they do not know their members, or an argument can never work.
 */
export async function hasMember(
  uniques: Uniques<"exact">,
  id: string,
  member: string,
  options?: UniquesCallOptions,
): Promise<boolean> {
  const context = exactContext(uniques);
  const { at, signal } = checkCall(context, options);
  const list = [checkMember(member)];
  const reply = await askForSlots(context, at, async (slots) => {
    const counters = counterKeys(context.namespace, id, context.kind.parts, slots);
    const values = { counters, edges: edgesOf(slots), ...(await textsOf(context.hash, list, slots)) };
    return hasMemberScript(context.redis, values, { signal, idempotent: true });
  });
  return parseNumbers(reply)[0] === 1;
}
