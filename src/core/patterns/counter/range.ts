import { checkDuration, checkMethods, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { texts } from "../../port/reply.ts";
import { askAroundServerTime } from "../../script/server-time.ts";
import { checkInstant } from "../../time/instant.ts";
import { pageSize, readCount } from "./format.ts";
import { rangeScript } from "./scripts/range.lua.ts";
import { pagesBetween, type SeriesContext } from "./series-context.ts";
import type { SeriesPoint, SeriesRange } from "./series-options.ts";

/** The most buckets of one range: a week of minutes. */
const maxBuckets = 10_080;

/** A checked range. `back` is how long before the present bucket its first bucket is, or none where both ends are instants. */
interface Wanted {
  readonly from: number;
  readonly to: number;
  readonly back?: number;
}

export async function readRange(context: SeriesContext, id: string, range: SeriesRange): Promise<SeriesPoint[]> {
  const { redis, bucket } = context;
  const wanted = checkRange(context, range);
  const { back = "" } = wanted;
  const slack = bucket * pageSize;
  const ask = (now: number) => {
    const [from, to] = back === "" ? [wanted.from, wanted.to - 1] : [now - back - slack, now + slack];
    const pages = pagesBetween(context, id, from, to);
    return rangeScript(redis, { ...pages, bucket, back }, { signal: range.signal, idempotent: true });
  };
  const [now = "", first = "", ...pages] = texts(await askAroundServerTime(ask));
  return pointsOf(context, wanted, Number(now), valuesOf(pages, id, Number(first), bucket));
}

function checkRange({ bucket, age }: SeriesContext, range: SeriesRange): Wanted {
  const { last, from, to, signal } = checkOptions(range ?? null, "{ last: hours(1) }");
  checkMethods("signal", signal, "an AbortSignal", "throwIfAborted");
  if (last !== undefined) {
    if (from !== undefined || to !== undefined) throw new OptionError("`last` cannot stand beside `from` and `to`");
    if (checkDuration("last", last) > age) throw new OptionError("`last` must be at most `keep.age`");
    const buckets = checkBuckets(Math.ceil(checkDuration("last", last) / bucket));
    return { from: 0, to: Number.POSITIVE_INFINITY, back: (buckets - 1) * bucket };
  }
  if (from === undefined || to === undefined) throw new OptionError("A range needs `last`, or `from` and `to`");
  if (checkInstant("from", from) >= checkInstant("to", to)) throw new OptionError("`from` must be before `to`");
  checkBuckets(Math.ceil(to / bucket) - Math.floor(from / bucket));
  return { from, to };
}

function checkBuckets(buckets: number): number {
  if (buckets <= maxBuckets) return buckets;
  throw new OptionError(
    `A range must have at most ${maxBuckets} buckets; read it in parts, or count in longer buckets`,
  );
}

/** The counts by the start of their bucket. */
function valuesOf(pages: readonly string[], id: string, first: number, bucket: number): Map<number, number> {
  const values = new Map<number, number>();
  for (const [i, page] of pages.entries()) {
    const words = page === "" ? [] : page.split(" ");
    for (let word = 0; word < words.length; word += 2) {
      values.set(first + (i * pageSize + Number(words[word])) * bucket, readCount(words[word + 1] ?? "", id));
    }
  }
  return values;
}

/** The points of a range, as far as they are kept and have begun. A page lives on until its last bucket is too old. */
function pointsOf(
  { bucket, age }: SeriesContext,
  { from, to, back = Number.POSITIVE_INFINITY }: Wanted,
  now: number,
  values: ReadonlyMap<number, number>,
): SeriesPoint[] {
  const startOf = (instant: number) => instant - (instant % bucket);
  const points: SeriesPoint[] = [];
  const until = Math.min(to, now + 1);
  for (let at = Math.max(startOf(from), startOf(now - age), startOf(now) - back); at < until; at += bucket) {
    points.push({ at, value: values.get(at) ?? 0 });
  }
  return points;
}
