import type { Column, Measured, Row } from "./results.ts";
import { ratiosOf, type Spread, spreadOf } from "./statistics.ts";

/** What a table says of one contender in one column. */
export interface Cell {
  readonly figure: Spread;
  /** The figure with that of this package as 1, round by round; absent where there is nothing to compare with. */
  readonly toOurs: Spread | undefined;
  /** The other way round: this package's figure with that of the row as 1. */
  readonly oursToIt: Spread | undefined;
}

/** Nothing where the contender cannot do what the column asks. */
export function cellOf({ columns, rows }: Measured, row: Row, column: Column): Cell | undefined {
  const nth = columns.indexOf(column);
  const own = row.samples[nth] ?? [];
  if (own.length === 0) return undefined;
  const ours = rows.find(({ role }) => role === "ours")?.samples[nth] ?? [];
  const isCompared = column.better !== undefined && ours.length > 0;
  return {
    figure: spreadOf(own),
    toOurs: isCompared ? spreadOf(ratiosOf(own, ours)) : undefined,
    oursToIt: isCompared ? spreadOf(ratiosOf(ours, own)) : undefined,
  };
}

/** 12,346 or 123 or 12.3 or 1.23 or 0.012: three digits or all whole ones. */
export function numeral(figure: number): string {
  const digits = Math.max(0, Math.min(3, 2 - Math.floor(Math.log10(Math.abs(figure) || 1))));
  return figure.toLocaleString("en", { maximumFractionDigits: digits });
}

/** The median, and the quartiles if they are others: `12,346 (12,100 to 12,500)`. */
export function spreadText({ low, middle, high }: Spread, text: (figure: number) => string = numeral): string {
  const [from, to] = [text(low), text(high)];
  return from === to ? text(middle) : `${text(middle)} (${from} to ${to})`;
}

export function ratioText(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}
