import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogReader, type LogReaderOptions } from "../../src/core/log/reader.ts";
import type { LogStart } from "../../src/core/log/start.ts";
import type { LogPage } from "../../src/core/log/replay.lua.ts";
import { type HeardEvent, judge } from "../fixtures/channel-history.ts";
import { LogModel } from "../fixtures/log-model.ts";
import { sized } from "../support/long.ts";

const seed = Number(process.env["LOG_SEED"] ?? 20_261_127);

/** What may happen while a log is read. */
const acts = [
  "publish",
  "publish",
  "publish a few",
  "arrive",
  "arrive",
  "arrive all",
  "lose a message",
  "cut",
  "answer",
  "answer",
  "answer",
  "fail",
  "full",
  "room",
  "tick",
  "set the clock back",
  "expire",
  "lose the history",
] as const;
type Act = (typeof acts)[number];

interface Asked {
  readonly from: string;
  resolve(page: LogPage): void;
  reject(error: Error): void;
}

/** A life: what happens before the reader begins, where it begins, and what happens then. */
interface Life {
  readonly before: number;
  readonly start: LogStart["at"];
  readonly acts: readonly Act[];
  readonly keep: number;
  /** Whether messages are still on their way when the history is lost. */
  readonly late: boolean;
}

/** What a subscriber does with what it is told. */
type Tell = (heard: HeardEvent[], event: HeardEvent) => void;

const keepAll: Tell = (heard, event) => heard.push(event);

/** Lets a reader live, brings everything to rest, and tells what is wrong. */
async function live({ before, start, acts, keep, late }: Life, tell = keepAll): Promise<string[]> {
  const model = new LogModel();
  const heard: HeardEvent[] = [];
  const asked: Asked[] = [];
  const end = new AbortController();
  const consumer = { ready: true };
  const options: LogReaderOptions = {
    read: (from) => new Promise((resolve, reject) => asked.push({ from, resolve, reject })),
    deliver: ({ id, data }) => tell(heard, { id, data: data ?? "" }),
    onGap: (gap) => tell(heard, gap),
    onForeign: () => heard.push({ id: "foreign", data: "foreign" }),
    onError() {},
    ready: () => consumer.ready,
    signal: end.signal,
  };
  const reader = createLogReader(options);
  const publish = () => model.append(String(model.published.length + 1), keep);
  const arrive = () => {
    const message = model.wire.shift();
    if (message !== undefined) reader.receive(message);
  };
  const answer = () => {
    const one = asked.shift();
    one?.resolve(model.read(one.from));
  };
  const steps: Record<Act, () => unknown> = {
    publish,
    "publish a few": () => Array.from({ length: 5 }, publish),
    arrive,
    "arrive all": () => model.wire.splice(0).forEach(reader.receive),
    "lose a message": () => model.wire.shift(),
    cut() {
      model.wire.length = 0;
      void reader.catchUp();
    },
    answer,
    fail: () => asked.shift()?.reject(new Error("down")),
    full: () => (consumer.ready = false),
    room() {
      consumer.ready = true;
      reader.resume();
    },
    tick: () => (model.clock += 1),
    "set the clock back": () => (model.clock -= 997),
    expire: () => model.expire(),
    "lose the history"() {
      model.lose();
      if (!late) model.wire.length = 0;
    },
  };
  for (let i = 0; i < before; i += 1) publish();
  model.wire.length = 0;
  model.clock += 10;
  const begun = begin(model, start);
  const started = reader.start(begun.start);
  const rest = async () => {
    do {
      answer();
      await vi.advanceTimersByTimeAsync(15_000);
    } while (asked.length > 0);
  };
  let isOpen = start === "since";
  let first = begun.first;
  for (const act of acts) {
    // What cannot be read at the start is an error of the caller, and who begins while all is lost has nothing to lose.
    if (!isOpen && (act === "fail" || act === "lose the history")) continue;
    // A channel that is heard of for the first time is read from an instant of the clock, and nothing is known of its history.
    if (start === "since" && (act === "set the clock back" || act === "lose the history")) continue;
    if (!isOpen && act === "answer") {
      isOpen = true;
      first = firstOf(model, start, first);
    }
    // Two histories that are lost within one read, with lower ids each time, are told apart by nobody.
    if (act === "lose the history" && !late && model.published.includes("lost")) continue;
    steps[act]();
    await vi.advanceTimersByTimeAsync(act === "tick" ? 200 : 0);
  }
  if (!isOpen) first = firstOf(model, start, first);
  await rest();
  steps.room();
  steps["arrive all"]();
  await rest();
  steps.cut();
  await rest();
  await started;
  expect(reader.position()).not.toBeNull();
  end.abort();
  return judge(
    model.published,
    heard,
    start !== "after"
      ? Math.min(
          first,
          placeOf(
            model,
            heard.find((event) => "id" in event),
          ),
        )
      : first,
  );
}

function begin(
  { published, clock }: LogModel,
  at: LogStart["at"],
): { readonly start: LogStart; readonly first: number } {
  if (at === "since") return { start: { at, id: `${clock - 1}-999` }, first: published.length };
  if (at !== "after") return { start: { at }, first: 0 };
  const middle = Math.floor(published.length / 2);
  const one = published[middle];
  return { start: { at, id: one === undefined || one === "lost" ? "0-0" : one.id }, first: one ? middle + 1 : 0 };
}

/** Which one of the published must come first, at the moment at which the first read is answered. */
function firstOf(model: LogModel, at: LogStart["at"], first: number): number {
  if (at === "now") return model.published.length;
  return at === "beginning" ? placeOf(model, model.entries[0]) : first;
}

function placeOf({ published }: LogModel, event: HeardEvent | LogModel["entries"][number] | undefined): number {
  const place = published.findIndex((one) => one !== "lost" && event && "id" in event && one.id === event.id);
  return place < 0 ? published.length : place;
}

const anyLife = (unwanted: readonly Act[], late: boolean) =>
  fc.record({
    before: fc.nat(8),
    start: fc.constantFrom<LogStart["at"][]>("now", "beginning", "after", "since"),
    acts: fc.array(fc.constantFrom(...acts.filter((act) => !unwanted.includes(act))), { maxLength: 60, size: "max" }),
    keep: fc.constantFrom(1, 2, 4, 1_000),
    late: fc.constant(late),
  });

const calm = anyLife(["lose the history"], true);

describe("a reader of a log", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const expectItHolds = async (lives: fc.Arbitrary<Life>, numRuns: number) => {
    await fc.assert(
      fc.asyncProperty(lives, async (life) => {
        expect(await live(life)).toEqual([]);
      }),
      { seed, numRuns },
    );
  };

  it("misses nothing in silence and repeats nothing, whatever is lost, late, trimmed or refused", async () => {
    await expectItHolds(calm, sized(20_000, 500));
  });

  it("tells once that the history was lost, also if its ids begin lower again", async () => {
    await expectItHolds(anyLife([], false), sized(20_000, 500));
  });

  it("repeats nothing where messages of a lost history come late", async () => {
    await expectItHolds(anyLife(["set the clock back"], true), sized(20_000, 500));
  });

  const broken: Readonly<Record<string, () => Tell>> = {
    "skips a message": () => {
      let number = 0;
      return (heard, event) => void (((number += 1) % 3 || "from" in event) && heard.push(event));
    },
    "repeats a message": () => (heard, event) => heard.push(event, ...("from" in event ? [] : [event])),
    "reorders messages": () => (heard, event) => ("from" in event ? heard.push(event) : heard.unshift(event)),
    "is silent about gaps": () => (heard, event) => void ("from" in event || heard.push(event)),
    "tells a gap twice": () => (heard, event) => heard.push(event, ...("from" in event ? [event] : [])),
    "tells of gaps where none is": () => (heard, event) =>
      "from" in event ? heard.push(event) : heard.push({ from: event.id, to: event.id }, event),
    "tells a wrong end of a gap": () => (heard, event) =>
      heard.push("from" in event ? { from: event.from, to: event.from } : event),
  };
  it.each(Object.keys(broken))("is told from one that %s", async (name) => {
    const faults: string[][] = [];
    await fc.assert(
      fc.asyncProperty(calm, async (life) => {
        faults.push(await live(life, broken[name]?.()));
      }),
      { seed, numRuns: 60 },
    );
    expect(faults.some((found) => found.length > 0)).toBe(true);
  });
});
