import { OptionError, ReplyError } from "../../errors.ts";

// A counter is a string of decimal digits, as INCR writes it, under the key of its id without a part. A series has pages: hashes of up to
// `pageSize` buckets, whose fields are the buckets' places in the page, from 0, and whose values are decimal digits.

/** The most that a count can be; the least is the same below zero. Lua and JavaScript count on from there with gaps. */
export const mostCount: number = Number.MAX_SAFE_INTEGER;

/** How many buckets a page of a series has. Up to 128 fields, Redis keeps a hash packed in a few bytes for each. */
export const pageSize = 128;

// What a script answers in place of a count.

/** What is stored is no count. Nothing was changed, and the request is not remembered. */
export const unreadable = "?";
/** Begins the answer of a change that was refused since the count would leave its bounds. The count follows. */
export const refused = "!";
/** The bucket has not begun by the server's clock. Nothing was changed, and the request is not remembered. */
export const future = ">";

/**
 * Reads a count that is stored, or a script's answer.
 * @param id The id of the counter or the series.
 * @throws {ReplyError} It is no count, or the change was refused.
 * @throws {OptionError} The bucket has not begun.
 */
export function readCount(text: string, id: string): number {
  const count = Number(text);
  // A zero may be stored with a sign.
  if (/^-?(?:0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(count)) return count + 0;
  throw refusalOf(text, `\`${id.slice(0, 256)}\``);
}

function refusalOf(text: string, name: string): Error {
  if (text.startsWith(refused)) {
    return new ReplyError(
      `OVERFLOW The count of ${name} would leave what numbers hold exactly, from -(2^53 - 1) to 2^53 - 1`,
    );
  }
  if (text === future) {
    return new OptionError("`at` is more than one bucket after the server's time; check the clock that it came from");
  }
  return new ReplyError(
    `SHAPE The key of ${name} holds something else than a count; choose another \`prefix\`, or delete the key`,
  );
}
