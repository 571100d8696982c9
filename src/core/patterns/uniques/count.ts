import { checkDuration } from "../../check.ts";
import { randomText } from "../../crypto.ts";
import { OptionError } from "../../errors.ts";
import type { Reply } from "../../port/redis.ts";
import { spanAt, type Period, type Span } from "../../time/period.ts";
import { checkCall } from "./check-call.ts";
import type { UniquesContext } from "./context.ts";
import { answerKey, buildingKey, counterKeys, parseNumbers, parseStep, type Step } from "./format.ts";
import type { UniquesCount, UniquesCountOptions } from "./options.ts";
import { askForSlots, edgesOf, rotationOf } from "./slots.ts";
import { windowOf } from "./window.ts";

/** Two standard errors of a HyperLogLog with 16384 registers. */
const estimateBound = (2 * 1.04) / Math.sqrt(16_384);

/** For how long the answer to a merge is given again, in milliseconds. */
const fresh = 30_000;

export async function countMembers(
  context: UniquesContext,
  id: string,
  options?: UniquesCountOptions,
): Promise<UniquesCount> {
  const { redis, namespace, kind, period } = context;
  const { at, last, signal } = checkCall(context, options, "{ last: days(7) }");
  if (last !== undefined) {
    if (!period) throw new OptionError("`last` counts several periods: give createUniques a `period`");
    return countMerged(context, period, id, { at, last: checkLast(context, last), signal });
  }
  const reply = await askForSlots(context, at, (slots) => {
    const counters = counterKeys(namespace, id, kind.parts, slots);
    return kind.count(redis, { counters, edges: edgesOf(slots) }, { signal, idempotent: true });
  });
  return toCount(reply, 1);
}

function checkLast({ hash }: UniquesContext, last: number): number {
  if (hash?.rotate !== undefined && checkDuration("last", last) > hash.rotate) {
    throw new OptionError("`last` is longer than a salt lives: raise `rotate` of saltedHash, or ask for less");
  }
  return checkDuration("last", last);
}

/** Windows of periods, each of which ends one period after the one before it. */
interface Windows {
  readonly spans: readonly Span[];
  readonly length: number;
}

async function countMerged(
  context: UniquesContext,
  period: Period,
  id: string,
  { at, last, signal }: UniquesCountOptions & { readonly last: number },
): Promise<UniquesCount> {
  const building = buildingKey(context.namespace, id, randomText(9));
  let windows: Windows = { spans: [], length: 0 };
  const ask = ({ from, cursor }: Omit<Step, "place">): Promise<Reply> => {
    const values = { building, from, cursor, fresh, ...valuesOf(context, id, windows) };
    return context.kind.merge(context.redis, values, { signal, idempotent: true });
  };
  let reply = await askForSlots(context, at, (slots) => {
    windows = windowsOf(
      context,
      period,
      slots.flatMap((slot) => slot ?? []),
      last,
    );
    return ask({ from: "1", cursor: "0" });
  });
  for (let step = parseStep(reply); step; step = parseStep(reply)) {
    signal?.throwIfAborted();
    windows = chosenOf(windows, step.place);
    reply = await ask(step);
  }
  return toCount(reply, twiceIn(context, chosenOf(windows, parseNumbers(reply)[2] ?? 1)));
}

/** The windows that end with these periods: one, or three of which the second is the one by this process' clock. */
function windowsOf(context: UniquesContext, period: Period, ends: readonly Span[], last: number): Windows {
  const [before, now = before, after] = ends;
  if (!now) return { spans: [], length: 0 };
  const window = windowOf(context, period, now, last);
  const [first = now] = window;
  const spans = after ? [spanAt(period, first.start - 1), ...window, after] : window;
  return { spans, length: window.length };
}

function chosenOf({ spans, length }: Windows, place: number): Windows {
  return { spans: spans.slice(place - 1, place - 1 + length), length };
}

function valuesOf({ namespace, kind }: UniquesContext, id: string, { spans, length }: Windows) {
  const ends = spans.slice(length - 1);
  const answers = ends.map((span) => answerKey(namespace, id, kind.parts, span, length));
  const keys = [...answers, ...counterKeys(namespace, id, kind.parts, spans)];
  return { keys, length, edges: edgesOf(ends) };
}

/** How often a member may have been counted: under each salt that the window has. */
function twiceIn({ hash }: UniquesContext, { spans }: Windows): number {
  return hash ? new Set(spans.map((span) => rotationOf(hash, span))).size : 1;
}

function toCount(reply: Reply, times: number): UniquesCount {
  const [count = 0, flag] = parseNumbers(reply);
  const bound = flag === 1 ? 0 : estimateBound;
  return { count, exact: bound === 0 && times === 1, errorBound: times * bound + (times - 1) };
}
