import { checkCount } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { integer, text, texts } from "../../../port/reply.ts";
import { checkCall } from "../check-call.ts";
import { counterKeys, formatCursor, parseCursor, type Slot } from "../format.ts";
import { exactContext } from "../members.ts";
import type { Uniques, UniquesCallOptions } from "../options.ts";
import { listMembersScript } from "../scripts/list-members.lua.ts";
import { askForSlots, edgesOf } from "../slots.ts";

/** Options of `listMembers`. */
export interface ListMembersOptions extends UniquesCallOptions {
  /**
   * About how many members a page has, at most 1,000. Redis gives a small set, of up to 512 members, as a whole.
   * @default 100
   */
  readonly limit?: number | undefined;
  /**
   * Where the page before this one ended.
   * @default null, for the first page
   */
  readonly cursor?: string | null | undefined;
}

/** A page of members. */
export interface MembersPage {
  readonly members: string[];
  /** Where the next page begins, or `null` after the last one. */
  readonly cursor: string | null;
}

/**
 * Lists the members of the period that is meant, page by page, in no order. What is there all the time is on a page; what comes or goes
 * meanwhile may be, and a member may be on two. The pages go on in the period of the first one.
 * @throws {OptionError} The counters do not count by `exact()` or store hashes, or an argument can never work.
 */
export async function listMembers(
  uniques: Uniques<"exact">,
  id: string,
  options?: ListMembersOptions,
): Promise<MembersPage> {
  const context = exactContext(uniques);
  if (context.hash) throw new OptionError("`uniques` stores hashes of its members and cannot list them");
  const { at, cursor, limit = 100, signal } = checkCall(context, options, "{ limit: 100 }");
  if (checkCount("limit", limit) > 1_000) throw new OptionError("`limit` must be at most 1,000; take further pages");
  const from = cursor === null || cursor === undefined ? { at, cursor: "0" } : parseCursor(cursor);
  if (!from) throw new OptionError("`cursor` must be null, or the cursor of the page before");
  let asked: readonly Slot[] = [];
  const reply = await askForSlots(context, from.at, (slots) => {
    asked = slots;
    const counters = counterKeys(context.namespace, id, context.kind.parts, slots);
    const values = { counters, edges: edgesOf(slots), cursor: from.cursor, limit };
    return listMembersScript(context.redis, values, { signal, idempotent: true });
  });
  const [place = null, next = null, members = null] = Array.isArray(reply) ? reply : [];
  const slot = asked[integer(place) - 1] ?? null;
  return { members: texts(members), cursor: formatCursor(slot, text(next)) };
}
