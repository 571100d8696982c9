import { OptionError } from "../../errors.ts";
import type { Reply } from "../../port/redis.ts";
import { askAroundServerTime } from "../../script/server-time.ts";
import { spanAt, spansAround } from "../../time/period.ts";
import type { UniquesContext } from "./context.ts";
import type { Slot } from "./format.ts";
import type { MemberHash } from "./options.ts";

/**
 * Asks with the periods that a call may be for: the one of an instant, or those around the server's time. The script chooses one of several,
 * and answers its number, 1 for the first, if the caller needs it.
 */
export function askForSlots(
  { period }: UniquesContext,
  at: number | undefined,
  ask: (slots: readonly Slot[]) => Promise<Reply>,
): Promise<Reply> {
  if (!period) return ask([null]);
  if (at !== undefined) return ask([spanAt(period, at)]);
  return askAroundServerTime((now) => ask(spansAround(period, now)));
}

/** The start of the first period and the end of each, as scripts read them. It is empty where there are no periods. */
export function edgesOf(slots: readonly Slot[]): string {
  const spans = slots.flatMap((slot) => slot ?? []);
  return [...spans.slice(0, 1).map(({ start }) => start), ...spans.map(({ end }) => end)].join(" ");
}

/** The number of the salt of a period: that of the time at which it begins, so that a period has one salt. */
export function rotationOf({ rotate }: MemberHash, slot: Slot): number {
  return rotate === undefined || !slot ? 0 : Math.floor(slot.start / rotate);
}

/** The members as they are stored: for each salt that one of the periods has, and for each period the number of its salt in that list. */
export async function textsOf(hash: MemberHash | undefined, members: readonly string[], slots: readonly Slot[]) {
  if (!hash) return { members, slices: slots.map(() => 1).join("") };
  const rotations = slots.map((slot) => rotationOf(hash, slot));
  const different = [...new Set(rotations)];
  const texts = await Promise.all(
    different.map(async (rotation) => checkTexts(await hash.hash(members, rotation), members)),
  );
  return { members: texts.flat(), slices: rotations.map((rotation) => different.indexOf(rotation) + 1).join("") };
}

/** A hash of the caller's own may answer anything. */
function checkTexts(texts: readonly string[], members: readonly string[]): readonly string[] {
  const isWhole = Array.isArray(texts) && texts.length === members.length;
  if (isWhole && texts.every((one) => typeof one === "string" && one !== "")) return texts;
  throw new OptionError("`hash` must give a text for each member");
}
