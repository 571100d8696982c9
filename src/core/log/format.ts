import { OptionError } from "../errors.ts";
import { keyOf } from "../keys.ts";

/** Where the log of one name is: its keys, which share a Cluster slot, and the channel on which its entries are published. */
export interface LogPlace {
  /** A stream: the entries that are kept. */
  readonly log: string;
  /** The id that was given last. It outlives the entries. */
  readonly last: string;
  readonly channel: string;
}

export function logPlace(namespace: string, name: string): LogPlace {
  return {
    channel: keyOf(namespace, name),
    log: keyOf(namespace, name, "log"),
    last: keyOf(namespace, name, "last"),
  };
}

/** One entry of a log. */
export interface LogEntry {
  /** The server's time in milliseconds, and a number: `1795786836002-0`. */
  readonly id: string;
  /** The id of the entry before it, 0-0 for the first of a history. It is `null` in an entry that this version cannot read. */
  readonly previous: string | null;
  /** What was appended. It is `null` in an entry that this version cannot read. */
  readonly data: string | null;
}

/** What comes before the first entry. */
export const beforeAll = "0-0";

/** Reads what a script tells of an entry: its id, its field, which is the version of the format, and the value of that. */
export function decodeEntry(id: string, version: string | undefined, value: string): LogEntry {
  const space = value.indexOf(" ");
  if (version !== "1" || space < 0) return { id, previous: null, data: null };
  return { id, previous: value.slice(0, space), data: value.slice(space + 1) };
}

/** Reads a message: the version of the format, the id of the entry, that of the one before it, and the data. `null` if it is none of this version. */
export function decodeMessage(message: string): LogEntry | null {
  const [, id, previous, data] = /^1 (\d+-\d+) (\d+-\d+) (.*)$/s.exec(message) ?? [];
  return id === undefined || previous === undefined || data === undefined ? null : { id, previous, data };
}

/** Whether a message is one of a log, in a format that this version cannot read. */
export function isLaterVersion(message: string): boolean {
  return /^(?!1 )\d+ \d+-\d+ /.test(message);
}

/** The greatest number in an id. */
const greatest = "18446744073709551615";

/** The greatest id of the time before a millisecond. */
export function lastIdBefore(instant: number): string {
  return `${instant - 1}-${greatest}`;
}

/** Checks the id of an entry. */
export function checkLogId(name: string, value: string): string {
  if (typeof value === "string" && isLogId(value)) return value;
  throw new OptionError(`\`${name}\` must be the id of a message, such as "1795786836002-0"`);
}

/** Whether a text is an id: two numbers of 64 bits, written as Redis writes them. */
export function isLogId(text: string): boolean {
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
