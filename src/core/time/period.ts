import { checkDuration, checkText } from "../check.ts";
import { OptionError } from "../errors.ts";

/** A way to cut time into periods, such as `daily()`. */
export interface Period {
  /** The name of this way to cut time, such as `daily`. What two ways have in common in Redis is told apart by it. */
  readonly name: string;
  /**
   * Gives the period that an instant is in, in milliseconds since 1970. The periods must follow each other without a gap, and two of them
   * never have one name.
   */
  at(instant: number): Span;
}

/** One period. */
export interface Span {
  /** Its name, which is a part of keys: `2026-10-21`, `2026-W43`. */
  readonly name: string;
  /** Its first millisecond, in milliseconds since 1970. */
  readonly start: number;
  /** The first millisecond after it. */
  readonly end: number;
}

/**
 * Periods of one length that follow each other since the start of 1970 in UTC, such as `every(minutes(15))`. Their name is their start.
 * @param length The length, in milliseconds.
 * @throws {OptionError} The length is not a whole number of milliseconds.
 */
export function every(length: number): Period {
  const size = checkDuration("length", length);
  return {
    name: `every-${size}`,
    at(instant) {
      const start = Math.floor(instant / size) * size;
      return { name: `${size}:${start}`, start, end: start + size };
    },
  };
}

/**
 * Checks an option that cuts time into periods. It may be absent.
 * @throws {OptionError} It is none.
 */
export function checkPeriod<T extends Period | undefined>(period: T): T {
  if (period === undefined) return period;
  // Texts and lists have a method `at`, too, and no name.
  if (typeof period?.at === "function" && typeof period.name === "string") {
    checkText("period.name", period.name);
    return period;
  }
  throw new OptionError("`period` must be daily(), weekly(), monthly(), every(ms), or { name, at } of your own");
}

/**
 * The period before the one that an instant is in, that one, and the one after it: enough for a server whose clock differs by less than a
 * period.
 */
export function spansAround(period: Period, instant: number): readonly Span[] {
  const span = spanAt(period, instant);
  return [spanAt(period, span.start - 1), span, spanAt(period, span.end)];
}

/**
 * The period that an instant is in.
 * @throws {OptionError} A period of the caller's own answers nonsense.
 */
export function spanAt(period: Period, instant: number): Span {
  const span = period.at(instant);
  const { name, start, end } = span;
  if (typeof name === "string" && name !== "" && Number.isSafeInteger(start) && start <= instant && instant < end)
    return span;
  throw new OptionError("`period` must give the name, the start and the end of the period that the instant is in");
}

/**
 * The longest time that so many periods in a row can take, judged by those of one year. It is the same at all times, so that what it refuses is
 * refused on every day.
 */
export function longestRun(period: Period, count: number): number {
  if (count === 0) return 0;
  const spans = [0, 3, 6, 9].map((month) => spanAt(period, Date.UTC(2026, month, 15)));
  const longest = Math.max(...spans.map(({ start, end }) => end - start));
  return count * longest + (longest % dayLength === 0 ? clockChange(spans) : 0);
}

/** How long a period usually is: the mean of twelve, since months differ. */
export function usualLength(period: Period): number {
  const first = spanAt(period, 0);
  let { end } = first;
  for (let i = 1; i < 12; i += 1) end = spanAt(period, end).end;
  return (end - first.start) / 12;
}

const dayLength = 86_400_000;

/** By how much clocks are set back in a year: whole days begin at another time of the day in summer and in winter. */
function clockChange(spans: readonly Span[]): number {
  const [first = 0, ...rest] = spans.map(({ start }) => start);
  const shifts = rest.map((start) => (((start - first) % dayLength) + dayLength) % dayLength);
  return Math.max(...shifts.map((shift) => Math.min(shift, dayLength - shift)));
}
