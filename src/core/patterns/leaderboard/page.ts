import { integer, listOf, nullableText, raw, text } from "../../port/reply.ts";
import { type Answer, askBoards } from "./ask.ts";
import { checkCall, checkLimit } from "./check-call.ts";
import type { Places } from "./context.ts";
import { decodeCursor, decodeMember, encodeCursor } from "./format.ts";
import type { Entry, Page, PageOptions } from "./options.ts";
import type { BoardSource } from "./source.ts";

/** Where a page begins: at the best entry, behind a cursor, or half a page above a member. */
type Seek = "" | "after" | "around";

/**
 * Reads one page.
 * @param member The member that it is around, as it is stored.
 * @param read The script that reads it.
 */
export async function readPage(
  { period, order, ties, page, locate }: BoardSource,
  id: string,
  options: PageOptions | undefined,
  member?: string,
  read = page,
): Promise<Page> {
  const { limit = 10, cursor, at, signal } = checkCall(options, "{ limit: 10 }") ?? {};
  const behind = cursor === undefined || cursor === null ? undefined : decodeCursor(cursor, period !== undefined);
  const seek: Seek = member === undefined ? (behind ? "after" : "") : "around";
  const values = {
    order,
    ties,
    limit: checkLimit(limit),
    seek,
    score: behind?.score ?? "",
    member: member ?? behind?.member ?? "",
  };
  const ask = (places: Places) => read({ ...values, ...places }, { signal, idempotent: true });
  const instant = behind && behind.at !== "" ? Number(behind.at) : at;
  return decodePage(await askBoards(period, instant, (spans) => locate(id, spans), ask), ties, limit);
}

function decodePage({ reply, asked }: Answer<Places>, ties: BoardSource["ties"], limit: number): Page {
  const parts = listOf(raw)(reply);
  const [place = 0, first = 0, best = 0, count = 0] = parts.slice(0, 4).map(integer);
  const rows = parts.slice(4, 4 + 2 * count).map(text);
  const data = parts.slice(4 + 2 * count).map(nullableText);
  const shift = Number(asked.shifts.split(" ")[place - 1] ?? 0);
  let rank = best;
  const entries = Array.from({ length: Math.min(count, limit) }, (_, i): Entry => {
    const { [2 * i]: member = "", [2 * i + 1]: score = "" } = rows;
    const isLevel = ties !== "ordinal" && score === rows[2 * i - 1];
    if (i > 0 && !isLevel) rank = ties === "dense" ? rank + 1 : first + i + 1;
    return { member: decodeMember(member), rank, score: scoreIn(score, shift), data: dataIn(data[i]) };
  });
  const [member = "", score = ""] = rows.slice(2 * limit - 2, 2 * limit);
  const at = asked.starts[place - 1] ?? "";
  return { entries, cursor: count > limit ? encodeCursor({ at, score, member }) : null };
}

function scoreIn(stored: string, shift: number): number {
  return shift > 0 ? Math.floor(Number(stored) / shift) : Number(stored);
}

export function dataIn(stored: string | null | undefined): unknown {
  return typeof stored === "string" ? JSON.parse(stored) : null;
}
