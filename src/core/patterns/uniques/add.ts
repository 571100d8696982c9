import { checkChange, rememberRequest, subjectOf } from "../../request.ts";
import { checkCall, checkMembers } from "./check-call.ts";
import type { UniquesContext } from "./context.ts";
import { counterKeys, parseNumbers } from "./format.ts";
import type { UniquesAdded, UniquesChangeOptions } from "./options.ts";
import { askForSlots, edgesOf, textsOf } from "./slots.ts";

export async function addMembers(
  context: UniquesContext,
  id: string,
  members: string | readonly string[],
  options?: UniquesChangeOptions,
): Promise<UniquesAdded> {
  const { namespace, kind, scope, ttl, requestTtl } = context;
  const call = checkCall(context, checkChange(options, "{ requestId, at }"));
  const list = checkMembers(members);
  const subject = await subjectOf(call, list);
  const remembered = rememberRequest(namespace, id, `add:${scope}${subject}`, call, requestTtl);
  if (list.length === 0) return { added: 0, exact: true };
  const reply = await askForSlots(context, call.at, async (slots) => {
    const counters = counterKeys(namespace, id, kind.parts, slots);
    const texts = await textsOf(context.hash, list, slots);
    const values = { ...remembered, ...texts, counters, ttl, edges: edgesOf(slots), size: list.length };
    return kind.add(context.redis, values, { signal: call.signal, idempotent: true });
  });
  const [added = 0, exact] = parseNumbers(reply);
  return { added, exact: exact === 1 };
}
