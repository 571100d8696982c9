import { checkOptions } from "../check.ts";
import { OptionError } from "../errors.ts";
import type { Period, Span } from "./period.ts";

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
