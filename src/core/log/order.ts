import { isAbove } from "../stream-id.ts";
import { beforeAll, type LogEntry } from "./format.ts";
import type { LogPage } from "./replay.lua.ts";
import type { Waiting } from "./waiting.ts";

/** Messages that are gone: those after `from`, up to and with `to`. */
export interface LogGap {
  /** The id of the last message before the gap. */
  readonly from: string;
  /** The id of the last message that is missing. 0-0 says that Redis lost the history: nobody knows what was missed. */
  readonly to: string;
}

/** Whom a reader tells. They do not throw. */
export interface LogSink {
  deliver(entry: LogEntry): void;
  onGap(gap: LogGap): void;
}

/** What a reader knows. */
export interface LogState {
  /** The id after which it goes on. */
  seen: string;
  /** What `seen` is: the id of an entry, the beginning of what is kept, or an instant. */
  kind: "entry" | "beginning" | "instant";
  /** The first entry of the history, if the reader has seen that. */
  first: string | undefined;
  /** Set when the log was found to be behind the reader: what was its first entry then, and what was its newest one. */
  lost: { readonly first: string | undefined; readonly newest: string } | undefined;
  /** Where the reader was when a history was lost. Messages of that may come late. */
  former: string;
}

/** Whether a message is the next one. */
export function follows(state: LogState, { id, previous }: LogEntry): boolean {
  const { seen, kind, former } = state;
  const isNext = previous !== null && !isAbove(previous, seen);
  // A late message of the history that was lost is known by its id; a new one with such an id is known to the log.
  if (isBereaved(state) && !isAbove(id, former)) return false;
  // An instant was told by one clock, and ids by that of the log: a message that came after it is new all the same.
  return kind === "instant" ? isNext : isNext && isAbove(id, seen);
}

/** Whether a history was lost, and nothing was seen of a new one. */
function isBereaved({ seen, former }: LogState): boolean {
  return seen === beforeAll && former !== beforeAll;
}

/** Whether a message that is not the next one may be new. Only a history that began anew has lower ids, and its first message says so. */
export function mayBeNew({ seen, first }: LogState, { id, previous }: LogEntry): boolean {
  return isAbove(id, seen) || (previous === beforeAll && id !== seen && id !== first);
}

/** Delivers an entry that is new, and tells first what is missing before it. */
export function take(state: LogState, sink: LogSink, entry: LogEntry): void {
  const { id, previous } = entry;
  const { seen, kind } = state;
  const isFirst = previous === beforeAll;
  if (kind === "entry" && !isAbove(id, seen)) return;
  if (isFirst) state.first = id;
  const isAnew = kind === "entry" && isFirst && seen !== beforeAll;
  const isLate = kind !== "beginning" && previous !== null && isAbove(previous, seen);
  state.seen = id;
  state.kind = "entry";
  if (isAnew || isLate) sink.onGap({ from: seen, to: previous ?? beforeAll });
  sink.deliver(entry);
}

/**
 * Takes what was read of the log, together with the messages that waited meanwhile.
 * @param known The messages that waited when the log was asked. Unless it has lost them, it has them.
 */
export function apply(
  state: LogState,
  sink: LogSink,
  waiting: Waiting,
  page: LogPage,
  known: ReadonlySet<LogEntry>,
): void {
  if (state.lost) findHistory(state, waiting, page, state.lost);
  else if (state.kind === "entry" && isAbove(state.seen, page.newest)) return loseHistory(state, sink, waiting, page);
  const last = (page.more ? page.entries.at(-1)?.id : page.newest) ?? page.newest;
  for (const entry of merge(page.entries, takeWaiting(state, waiting, last))) take(state, sink, entry);
  if (page.more) return;
  if (isAbove(page.newest, state.seen)) skipTo(state, sink, page.newest);
  else if (state.kind === "beginning") state.kind = "entry";
  waiting.drain((entry) => {
    // The log was asked after this message came, and does not have it.
    if (known.has(entry)) takeStray(state, sink, entry, page.entries.length > 0);
    else if (follows(state, entry)) take(state, sink, entry);
    else return false;
    return true;
  });
}

/**
 * Takes a message that the log has lost, unless it is of a history whose loss is told, or that another one has followed.
 * @param isFollowed Whether the log has something newer than what was seen.
 */
function takeStray(state: LogState, sink: LogSink, entry: LogEntry, isFollowed: boolean): void {
  const isOfOther = entry.previous === beforeAll && state.seen !== beforeAll;
  const isLost = isOfOther || isBereaved(state) || !isAbove(entry.id, state.former);
  if (!isLost && (!isFollowed || follows(state, entry))) take(state, sink, entry);
}

/** Takes what waited up to an id. Messages of a history that was lost may be among it. */
function takeWaiting(state: LogState, waiting: Waiting, last: string): readonly LogEntry[] {
  const taken = waiting.takeUpTo(last);
  if (!isBereaved(state)) return taken;
  const first = taken.findIndex(({ id, previous }) => previous === beforeAll && isAbove(id, state.former));
  return first < 0 ? [] : taken.slice(first);
}

function merge(entries: readonly LogEntry[], others: readonly LogEntry[]): readonly LogEntry[] {
  if (others.length === 0) return entries;
  return [...entries, ...others].sort((one, other) => (isAbove(one.id, other.id) ? 1 : -1));
}

/** Nothing is left of what was appended up to this id. */
function skipTo(state: LogState, sink: LogSink, newest: string): void {
  const { seen, kind } = state;
  state.seen = newest;
  state.kind = "entry";
  if (kind !== "beginning") sink.onGap({ from: seen, to: newest });
}

/** The log is behind the reader: it was deleted, or Redis has lost the end of it. */
function loseHistory(state: LogState, sink: LogSink, waiting: Waiting, { newest }: LogPage): void {
  // What came of the history before it was lost.
  waiting.drain((entry) => {
    const isNext = entry.previous !== beforeAll && follows(state, entry);
    if (isNext) take(state, sink, entry);
    return isNext;
  });
  const { seen, first } = state;
  // The rest is in the log, or nobody knows what was before it.
  waiting.keep(({ id, previous }) => previous === beforeAll && id !== first);
  state.lost = newest === beforeAll ? undefined : { first, newest };
  state.former = seen;
  state.seen = beforeAll;
  state.kind = state.lost ? "beginning" : "entry";
  state.first = undefined;
  sink.onGap({ from: seen, to: beforeAll });
}

/** A log that begins with another entry than before has a new history, which is read from its beginning. Of another, the rest is read. */
function findHistory(
  state: LogState,
  waiting: Waiting,
  { entries: [head] }: LogPage,
  { first, newest }: NonNullable<LogState["lost"]>,
): void {
  state.lost = undefined;
  const isHeard = waiting.list().some(({ id }) => id === head?.id);
  waiting.keep(({ id, previous }) => previous !== beforeAll || id === head?.id);
  if (head?.previous === beforeAll && (first === undefined ? isHeard : head.id !== first)) return;
  state.seen = newest;
  state.kind = "entry";
  state.first = first;
}
