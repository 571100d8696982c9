import { isAbove } from "../stream-id.ts";
import type { LogEntry } from "./format.ts";

/** Messages that came while the log was read, in the order in which they came. */
export interface Waiting {
  /** Returns `false` if there were too many: all are dropped then, and have to be read from the log. */
  add(entry: LogEntry): boolean;
  list(): readonly LogEntry[];
  /** Takes those out whose id is at most this. */
  takeUpTo(id: string): LogEntry[];
  /** Takes out the first ones, until one is not wanted. */
  drain(wants: (entry: LogEntry) => boolean): void;
  /** Drops those that fail the test. */
  keep(test: (entry: LogEntry) => boolean): void;
}

/** The most messages that wait, and the most characters of them. */
const mostMessages = 1_000;
const mostCharacters = 1_000_000;

export function createWaiting(): Waiting {
  let entries: LogEntry[] = [];
  let characters = 0;
  const set = (kept: LogEntry[]) => {
    entries = kept;
    characters = kept.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  };
  return {
    add(entry) {
      characters += entry.data?.length ?? 0;
      const fits = entries.length < mostMessages && characters <= mostCharacters;
      if (fits) entries.push(entry);
      else set([]);
      return fits;
    },
    list: () => entries,
    takeUpTo(id) {
      const taken = entries.filter((entry) => !isAbove(entry.id, id));
      if (taken.length > 0) set(entries.filter((entry) => isAbove(entry.id, id)));
      return taken;
    },
    drain(wants) {
      const left = entries.findIndex((entry) => !wants(entry));
      set(left < 0 ? [] : entries.slice(left));
    },
    keep: (test) => set(entries.filter(test)),
  };
}
