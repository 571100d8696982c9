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
  const numberAt = (i: number) => integer(parts[i] ?? null);
  const textAt = (i: number) => text(parts[i] ?? null);
  const [place, first, count] = [numberAt(0), numberAt(1), numberAt(3)];
  const shift = asked.shifts === "" ? 0 : Number(asked.shifts.split(" ")[place - 1] ?? 0);
  const entries: Entry[] = [];
  let rank = numberAt(2);
  let member = "";
  let score = "";
  for (let i = 0; i < Math.min(count, limit); i += 1) {
    const before = score;
    member = textAt(4 + 2 * i);
    score = textAt(5 + 2 * i);
    const isLevel = ties !== "ordinal" && score === before;
    if (i > 0 && !isLevel) rank = ties === "dense" ? rank + 1 : first + i + 1;
    const data = dataIn(nullableText(parts[4 + 2 * count + i] ?? null));
    entries.push({ member: decodeMember(member), rank, score: scoreIn(score, shift), data });
  }
  const at = asked.starts[place - 1] ?? "";
  return { entries, cursor: count > limit ? encodeCursor({ at, score, member }) : null };
}

function scoreIn(stored: string, shift: number): number {
  return shift > 0 ? Math.floor(Number(stored) / shift) : Number(stored);
}

export function dataIn(stored: string | null | undefined): unknown {
  return typeof stored === "string" ? JSON.parse(stored) : null;
}
