import { checkDuration, checkOptions, checkText } from "../check.ts";
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

/** Options of the periods of the calendar. */
export interface CalendarOptions {
  /**
   * The IANA name of the time zone whose midnight begins a period, such as "Europe/Berlin". It is a part of the keys, so that another
   * zone means other periods.
   * @default "UTC"
   */
  readonly timeZone?: string | undefined;
}

/**
 * Calendar days: `2026-10-21`.
 * @throws {OptionError} The time zone is unknown, or the options are no object.
 */
export function daily(options?: CalendarOptions): Period {
  return calendar("daily", options, (day) => ({ name: dateOf(day), first: day, next: day + 1 }));
}

/**
 * Weeks of ISO 8601, which begin on Monday: `2026-W43`. The first week of a year is the one that has its first Thursday.
 * @throws {OptionError} The time zone is unknown, or the options are no object.
 */
export function weekly(options?: CalendarOptions): Period {
  return calendar("weekly", options, (day) => {
    // Day 0, the first of January 1970, was a Thursday.
    const monday = day - ((((day + 3) % 7) + 7) % 7);
    const year = Number(dateOf(monday + 3).slice(0, 4));
    const week = 1 + Math.floor((monday + 3 - dayOf(year, 1)) / 7);
    return { name: `${year}-W${String(week).padStart(2, "0")}`, first: monday, next: monday + 7 };
  });
}

/**
 * Calendar months: `2026-10`.
 * @throws {OptionError} The time zone is unknown, or the options are no object.
 */
export function monthly(options?: CalendarOptions): Period {
  return calendar("monthly", options, (day) => {
    const name = dateOf(day).slice(0, 7);
    const [year, month] = [Number(name.slice(0, 4)), Number(name.slice(5))];
    return { name, first: dayOf(year, month), next: dayOf(year, month + 1) };
  });
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

/** Periods of whole days: the name of the one that a day is in, its first day, and the first day after it. Days are numbered from 1970 on. */
type DaysOf = (day: number) => { readonly name: string; readonly first: number; readonly next: number };

function calendar(name: string, options: CalendarOptions | undefined, daysOf: DaysOf): Period {
  const { timeZone = "UTC" } = checkOptions(options, '{ timeZone: "Europe/Berlin" }') ?? {};
  const localDay = createLocalDay(timeZone);
  const zone = timeZone === "UTC" ? "" : `@${timeZone}`;
  const spanOf = (day: number): Span => {
    const { name, first, next } = daysOf(day);
    return { name: name + zone, start: startOfDay(localDay, first), end: startOfDay(localDay, next) };
  };
  // Finding the start of a day takes a tenth of a millisecond, so that what was found is kept.
  const known: Span[] = [];
  const find = (instant: number): Span => {
    let day = checkedDay(localDay, instant);
    let span = spanOf(day);
    // A clock that is set back at midnight shows the new day twice.
    while (instant < span.start) span = spanOf((day -= 1));
    while (instant >= span.end) span = spanOf((day += 1));
    return span;
  };
  return {
    name: name + zone,
    at(instant) {
      const span = known.find(({ start, end }) => start <= instant && instant < end) ?? find(instant);
      if (!known.includes(span)) known.push(span);
      if (known.length > 100) known.shift();
      return span;
    },
  };
}

/** The number of the day that a zone's calendar shows at an instant. */
type LocalDay = (instant: number) => number;

function createLocalDay(timeZone: string): LocalDay {
  const format = createFormat(timeZone);
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    return dayOf(parts.get("year") ?? 0, parts.get("month") ?? 0, parts.get("day"));
  };
}

/**
 * The day of an instant whose year has four digits, as names have them. A later instant is most often one in microseconds.
 * @throws {OptionError} The year has more digits or fewer.
 */
function checkedDay(localDay: LocalDay, instant: number): number {
  const isNear = instant >= Date.UTC(1001) && instant < Date.UTC(10_000);
  const day = isNear ? localDay(instant) : Number.POSITIVE_INFINITY;
  if (day < dayOf(10_000, 1)) return day;
  throw new OptionError("An instant of the calendar must be in milliseconds since 1970, and in the years 1001 to 9999");
}

function createFormat(timeZone: string): Intl.DateTimeFormat {
  const numeric = "numeric" as const;
  try {
    return new Intl.DateTimeFormat("en-u-ca-iso8601-nu-latn", {
      timeZone,
      year: numeric,
      month: numeric,
      day: numeric,
    });
  } catch (cause) {
    throw new OptionError('`timeZone` must be the IANA name of a time zone, such as "Europe/Berlin"', { cause });
  }
}

/**
 * The first instant at which a zone's calendar shows a day or a later one. It is searched for: there are days that begin at one o'clock,
 * and days that a zone left out.
 */
function startOfDay(localDay: LocalDay, day: number): number {
  // No zone is more than 15 hours from UTC. Clocks change at whole seconds.
  let before = day * 86_400 - 54_000;
  let from = day * 86_400 + 54_000;
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2);
    if (localDay(middle * 1_000) < day) before = middle;
    else from = middle;
  }
  return from * 1_000;
}

/** The number of a date of the calendar, 0 for the first of January 1970. */
function dayOf(year: number, month: number, day = 1): number {
  return Math.floor(Date.UTC(year, month - 1, day) / 86_400_000);
}

function dateOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}
