import { OptionError } from "./errors.ts";

// The ids of the entries of a stream: two numbers of 64 bits, the time in milliseconds and a number, such as 1795786836002-0.

/** The greatest number in an id. */
const greatest = "18446744073709551615";

/** The greatest id of the time before a millisecond. */
export function lastIdBefore(instant: number): string {
  return `${instant - 1}-${greatest}`;
}

/**
 * Checks the id of an entry.
 * @param meaning What it is the id of, which ends the message.
 * @throws {OptionError} It is none.
 */
export function checkStreamId(name: string, value: string, meaning: string): string {
  if (typeof value === "string" && isStreamId(value)) return value;
  throw new OptionError(`\`${name}\` must be the id of ${meaning}`);
}

/** Whether a text is an id, written as Redis writes it. */
export function isStreamId(text: string): boolean {
  const [, ...parts] = /^(0|[1-9]\d{0,19})-(0|[1-9]\d{0,19})$/.exec(text) ?? [];
  return parts.length === 2 && parts.every((part) => !isGreater(part, greatest));
}

/** Whether an entry came after another. A number of JavaScript does not hold 64 bits, so their digits are compared. */
export function isAbove(id: string, other: string): boolean {
  const end = id.indexOf("-");
  const otherEnd = other.indexOf("-");
  // So it is nearly always. Each message is compared several times.
  if (end === otherEnd && id.length === other.length) return id > other;
  const time = id.slice(0, end);
  const otherTime = other.slice(0, otherEnd);
  if (time !== otherTime) return isGreater(time, otherTime);
  return isGreater(id.slice(end + 1), other.slice(otherEnd + 1));
}

function isGreater(digits: string, other: string): boolean {
  return digits.length === other.length ? digits > other : digits.length > other.length;
}
