import { lastInstant } from "../../time/instant.ts";
import { encodeId, keyOf } from "../../keys.ts";
import type { Reply } from "../../port/redis.ts";
import { integer, text } from "../../port/reply.ts";
import type { Span } from "../../time/period.ts";

/** One period, or `null` where there are none. */
export type Slot = Span | null;

// The parts of keys. A kind of counter has parts of its own, so that no kind reads what another one wrote.

/** What `exact` holds: a set. */
export const exactPart = "set1";
/** What `approximate` holds: a HyperLogLog. */
export const approximatePart = "hll1";
/** What `hybrid` holds: a set, and a HyperLogLog in its place as soon as the set is too large. */
export const hybridParts = ["few1", "many1"] as const;

/** The keys of the counters, each period's together. */
export function counterKeys(namespace: string, id: string, parts: readonly string[], slots: readonly Slot[]): string[] {
  return slots.flatMap((slot) =>
    parts.map((part) => keyOf(namespace, id, slot ? `${part}:${encodeId(slot.name)}` : part)),
  );
}

/** The key of the answer to a merge of `length` periods, of which this is the last one. */
export function answerKey(namespace: string, id: string, parts: readonly string[], last: Span, length: number): string {
  return keyOf(namespace, id, `merged:${parts[0]}:${length}:${encodeId(last.name)}`);
}

/** The key of what one caller is building. */
export function buildingKey(namespace: string, id: string, name: string): string {
  return keyOf(namespace, id, `merging:${name}`);
}

/** The numbers of an answer, which is a text. */
export function parseNumbers(reply: Reply): number[] {
  return text(reply).split(" ").map(integer);
}

/** Where a merge stands that is not over: the window that was chosen, the period that is next, and the cursor in it. */
export interface Step {
  readonly place: number;
  readonly from: string;
  readonly cursor: string;
}

export function parseStep(reply: Reply): Step | null {
  const [sign, place, from = "", cursor = ""] = text(reply).split(" ");
  return sign === ">" ? { place: Number(place), from, cursor } : null;
}

/** A page of a list goes on in the period where it began: the instant where that period starts, and Redis' own cursor. */
export function formatCursor(slot: Slot, cursor: string): string | null {
  return cursor === "0" ? null : `${slot?.start ?? ""}.${cursor}`;
}

/** Reads a cursor; `undefined` if it is none. */
export function parseCursor(cursor: unknown): { readonly at: number | undefined; readonly cursor: string } | undefined {
  const [, start, rest] = (typeof cursor === "string" && /^(-?\d{0,16})\.(\d{1,20})$/.exec(cursor)) || [];
  const at = start ? Number(start) : undefined;
  // No calendar has the times of all numbers.
  if (rest === undefined || (at !== undefined && !(Math.abs(at) <= lastInstant))) return undefined;
  return { at, cursor: rest };
}
