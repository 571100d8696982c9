import { OptionError } from "../../errors.ts";
import { spanAt, usualLength, type Period, type Span } from "../../time/period.ts";
import type { UniquesContext } from "./context.ts";

/** The most periods of one merge. */
const mostPeriods = 400;

/**
 * The periods that `last` milliseconds are, the oldest first, up to the one that is given: the number of periods whose length together is
 * nearest to it.
 */
export function windowOf(context: UniquesContext, period: Period, end: Span, last: number): readonly Span[] {
  const name = `${end.name}:${last}`;
  const known = context.lastWindow;
  if (known?.name === name) return known.spans;
  checkLength(context, period, last);
  const spans = findWindow(period, end, last);
  context.lastWindow = { name, spans };
  return spans;
}

function findWindow(period: Period, end: Span, last: number): readonly Span[] {
  const spans = [end];
  let span = spanAt(period, end.start - 1);
  // A day of a time zone has 23 to 25 hours, and months differ more: a period counts as soon as half of it is asked for.
  while (end.end - span.end + (span.end - span.start) / 2 <= last && spans.length < mostPeriods) {
    spans.unshift(span);
    span = spanAt(period, span.start - 1);
  }
  return spans;
}

/** What is refused is refused at all times, and not only where a day is an hour longer. Periods that are gone would be missing in the count. */
function checkLength({ ttl }: UniquesContext, period: Period, last: number): void {
  const length = usualLength(period);
  if (last < length / 2) throw new OptionError("`last` must be at least one period, in milliseconds, such as days(7)");
  if (last > length * mostPeriods) {
    throw new OptionError(`\`last\` must be at most ${mostPeriods} periods; take a longer \`period\``);
  }
  if (ttl === 0 || last <= ttl) return;
  throw new OptionError("`last` is longer than periods are kept: raise the `ttl` of createUniques to `last` or more");
}
