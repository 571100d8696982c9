import { decodeId, encodeId, keyOf } from "../../keys.ts";
import { OptionError } from "../../errors.ts";
import { byteLength, checkText } from "../../check.ts";

/** What a board keeps, each under a key of its own: scores, data of members, and the distinct scores. */
export const kinds = ["s", "m", "l"] as const;
/** What a board keeps that has no distinct scores. */
export const plainKinds = ["s", "m"] as const;

/** The layout of a board whose sorted set holds the scores themselves. The other kinds of tie have layouts of their own. */
export const plainLayout = "p1";
/** The layout of a board that also keeps the distinct scores. */
export const denseLayout = "d1";

/** @param period The name of the board's period, if it has one. */
export function boardKey(namespace: string, id: string, layout: string, kind: string, period?: string): string {
  return keyOf(namespace, id, `${layout}:${kind}${period === undefined ? "" : `:${period}`}`);
}

/** The greatest length of a member as it is stored, in bytes. */
const maxMemberBytes = 1_024;

/**
 * A member as it is stored: as ids in keys, so that every text comes back as it was.
 * @throws {OptionError} It is empty, too long, or no string.
 */
export function encodeMember(member: string): string {
  if (checkText("member", member).length <= maxMemberBytes) {
    const stored = encodeId(member);
    if (byteLength(stored, maxMemberBytes) <= maxMemberBytes) return stored;
  }
  throw new OptionError(`\`member\` must take at most ${maxMemberBytes} bytes; use an id or a hash`);
}

export const decodeMember = decodeId;

/** A place between two entries of a board. */
export interface Position {
  /** An instant of the board's period, or empty. */
  readonly at: string;
  /** The score of the entry before it, as it is stored. */
  readonly score: string;
  /** The member of the entry before it, as it is stored. */
  readonly member: string;
}

export function encodeCursor({ at, score, member }: Position): string {
  return `${at}:${score}:${member}`;
}

/**
 * @param hasPeriod Whether the boards have periods, one of which the cursor must name.
 * @throws {OptionError} No page has given this cursor.
 */
export function decodeCursor(cursor: string, hasPeriod: boolean): Position {
  const [, at, score, member] = /^(\d{0,16}):([-+.e\d]{1,32}):(.{1,1024})$/s.exec(cursor) ?? [];
  const isComplete = at !== undefined && score !== undefined && member !== undefined;
  if (isComplete && Number.isFinite(Number(score)) && (at !== "") === hasPeriod) return { at, score, member };
  throw new OptionError("`cursor` must be the `cursor` of the page before");
}
