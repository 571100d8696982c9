import { backoff } from "../wait/backoff.ts";
import { sleep } from "../wait/sleep.ts";
import { beforeAll, decodeMessage, isLaterVersion, type LogEntry } from "./format.ts";
import { apply, follows, type LogSink, type LogState, mayBeNew, take } from "./order.ts";
import type { LogPage } from "./replay.lua.ts";
import type { LogStart } from "./start.ts";
import { createWaiting, type Waiting } from "./waiting.ts";

/** What a reader uses, and whom it tells. Only `read` may throw. */
export interface LogReaderOptions extends LogSink {
  /** Reads the log after an id; with an empty text, the last id alone. */
  read(from: string): Promise<LogPage>;
  /** Told of a message that is none of a log. */
  onForeign(): void;
  /** Told of a read that failed. It is tried again after a pause. */
  onError(error: unknown): void;
  /**
   * Whether an entry may be delivered now. While it may not, messages are left to the log.
   * @default always
   */
  ready?(): boolean;
  /** Told once where the reader begins, before anything is delivered: what comes after this id. An instant is no such place. */
  onStart?(id: string): void;
  /** Ends the reader: nothing is delivered any more. */
  readonly signal: AbortSignal;
}

/**
 * Reads one log: in order, nothing twice, and nothing left out in silence. Messages tell it of entries as they come. It reads the log itself
 * only if the entry before one is missing, and when it is told to.
 */
export interface LogReader {
  /** Takes a message of the channel. Those that come before the start wait for it. */
  receive(message: string): void;
  /** Begins. It rejects if the log cannot be read. `since` reads nothing. */
  start(start: LogStart): Promise<void>;
  /** Reads what the log has and the reader has not, again and again until that succeeds. It resolves when nothing is missing, or at the end. */
  catchUp(): Promise<void>;
  /** Goes on where `ready` said no. */
  resume(): void;
  /** The id after which it goes on, or `null` while something is missing. */
  position(): string | null;
}

interface Reading {
  readonly options: LogReaderOptions;
  readonly sink: LogSink;
  readonly state: LogState;
  readonly waiting: Waiting;
  /** Whether the log is being read. Messages wait meanwhile, also before the start. */
  busy: boolean;
  work: Promise<void>;
  /** Whether the log has, or may have, what the reader has not. */
  behind: boolean;
}

export function createLogReader(options: LogReaderOptions): LogReader {
  const state: LogState = { seen: beforeAll, kind: "entry", first: undefined, lost: undefined, former: beforeAll };
  const reading: Reading = {
    options,
    sink: untilAborted(options),
    state,
    waiting: createWaiting(),
    busy: true,
    work: Promise.resolve(),
    behind: false,
  };
  return {
    receive: (message) => receive(reading, message),
    async start(start) {
      if (start.at === "since") Object.assign(state, { seen: start.id, kind: "instant" });
      else await readFirst(reading, start);
      reading.busy = false;
      if (reading.behind) void catchUp(reading);
    },
    catchUp: () => catchUp(reading),
    resume() {
      if (reading.behind) void catchUp(reading);
    },
    position: () => (reading.busy || reading.behind ? null : state.seen),
  };
}

/** A listener may end its reader while entries are delivered. */
function untilAborted({ signal, deliver, onGap }: LogReaderOptions): LogSink {
  return {
    deliver: (entry) => signal.aborted || deliver(entry),
    onGap: (gap) => signal.aborted || onGap(gap),
  };
}

function receive(reading: Reading, message: string): void {
  const { options, sink, state, waiting } = reading;
  if (options.signal.aborted) return;
  const entry = decodeMessage(message);
  // The log has what a later version wrote, under an id.
  if (!entry && isLaterVersion(message)) void catchUp(reading);
  else if (!entry) options.onForeign();
  else if (!isReady(options)) reading.behind = true;
  else if (!reading.busy && follows(state, entry)) take(state, sink, entry);
  else if (reading.busy || mayBeNew(state, entry)) {
    if (!waiting.add(entry)) reading.behind = true;
    void (reading.busy || catchUp(reading));
  }
}

function isReady({ ready }: LogReaderOptions): boolean {
  return ready?.() ?? true;
}

async function readFirst(reading: Reading, start: Exclude<LogStart, { readonly at: "since" }>): Promise<void> {
  const { options, state } = reading;
  const from = start.at === "after" ? start.id : beforeAll;
  const isNow = start.at === "now";
  const page = await options.read(isNow ? "" : from);
  state.seen = isNow ? page.newest : from;
  state.kind = start.at === "beginning" ? "beginning" : "entry";
  options.onStart?.(state.seen);
  step(reading, page, new Set());
}

function catchUp(reading: Reading): Promise<void> {
  reading.behind = true;
  if (!reading.busy) reading.work = readOn(reading);
  return reading.work;
}

/** Reads page by page until nothing is missing. */
async function readOn(reading: Reading): Promise<void> {
  const { options, state, waiting } = reading;
  reading.busy = true;
  for (let attempt = 0; reading.behind && isReady(options) && !options.signal.aborted;) {
    reading.behind = false;
    const known = new Set(waiting.list());
    const page = await options.read(state.seen).catch((error: unknown) => pauseAfter(reading, error, attempt));
    attempt = page ? 0 : attempt + 1;
    if (page) step(reading, page, known);
  }
  // What cannot be delivered now is left to the log.
  waiting.keep(() => false);
  reading.busy = false;
}

function step(reading: Reading, page: LogPage, known: ReadonlySet<LogEntry>): void {
  const { sink, state, waiting } = reading;
  apply(state, sink, waiting, page, known);
  if (page.more || state.lost || waiting.list().length > 0) reading.behind = true;
}

async function pauseAfter(reading: Reading, error: unknown, attempt: number): Promise<undefined> {
  const { onError, signal } = reading.options;
  reading.behind = true;
  if (signal.aborted) return;
  onError(error);
  await sleep(backoff(attempt, { first: 100, factor: 2, most: 10_000 }), signal).catch(() => {});
}
