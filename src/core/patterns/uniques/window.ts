import { OptionError } from "../../errors.ts";
import { spanAt, type Period, type Span } from "../../time/period.ts";
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
  const spans = findWindow(period, end, last);
  checkKept(context, spans);
  context.lastWindow = { name, spans };
  return spans;
}

function findWindow(period: Period, end: Span, last: number): readonly Span[] {
  const spans: Span[] = [];
  let span = end;
  // A day of a time zone has 23 to 25 hours, and months differ more: a period counts as soon as half of it is asked for.
  while (end.end - span.end + (span.end - span.start) / 2 <= last) {
    spans.unshift(span);
    if (spans.length > mostPeriods) {
      throw new OptionError(`\`last\` must be at most ${mostPeriods} periods; take a longer \`period\``);
    }
    span = spanAt(period, span.start - 1);
  }
  if (spans.length > 0) return spans;
  throw new OptionError("`last` must be at least one period, in milliseconds, such as days(7)");
}

/** Periods that are gone would be missing in the count. */
function checkKept({ ttl }: UniquesContext, spans: readonly Span[]): void {
  const [first, end] = [spans[0], spans.at(-1)];
  if (!first || !end || ttl === 0 || end.end - first.end <= ttl) return;
  throw new OptionError("`last` is longer than periods are kept: raise the `ttl` of createUniques");
}
