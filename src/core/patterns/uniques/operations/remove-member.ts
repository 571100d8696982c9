import { checkChange, rememberRequest, subjectOf } from "../../../request.ts";
import { checkCall, checkMember } from "../check-call.ts";
import { counterKeys, parseNumbers } from "../format.ts";
import { exactContext } from "../members.ts";
import type { Uniques, UniquesChangeOptions } from "../options.ts";
import { removeMemberScript } from "../scripts/remove-member.lua.ts";
import { askForSlots, edgesOf, textsOf } from "../slots.ts";

/**
 * Removes a member, from the period that is meant.
 * @returns Whether it was counted until then.
 * @throws {OptionError} The counters do not count by `exact()`, so that they do not know their members, or an argument can never work.
 */
export async function removeMember(
  uniques: Uniques<"exact">,
  id: string,
  member: string,
  options?: UniquesChangeOptions,
): Promise<boolean> {
  const context = exactContext(uniques);
  const { namespace, kind, scope, ttl, requestTtl } = context;
  const call = checkCall(context, checkChange(options, "{ requestId, at }"));
  const list = [checkMember(member)];
  const subject = await subjectOf(call, list);
  const remembered = rememberRequest(namespace, id, `remove:${scope}${subject}`, call, requestTtl);
  const reply = await askForSlots(context, call.at, async (slots) => {
    const counters = counterKeys(namespace, id, kind.parts, slots);
    const values = {
      ...remembered,
      counters,
      ttl,
      edges: edgesOf(slots),
      ...(await textsOf(context.hash, list, slots)),
    };
    return removeMemberScript(context.redis, values, { signal: call.signal, idempotent: true });
  });
  return parseNumbers(reply)[0] === 1;
}
