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
