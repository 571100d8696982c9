/** The middle of some figures, and the quartiles around it: half of the figures lie between `low` and `high`. */
export interface Spread {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

/** The value below which the share `q` of the figures lies, with a straight line between two neighbours. NaN of none. */
export function quantile(figures: readonly number[], q: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * q;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export function median(figures: readonly number[]): number {
  return quantile(figures, 0.5);
}

export function spreadOf(figures: readonly number[]): Spread {
  return { low: quantile(figures, 0.25), middle: median(figures), high: quantile(figures, 0.75) };
}

/** Each figure in proportion to the other one of its own round, so that a noisy minute is in both. */
export function ratiosOf(figures: readonly number[], others: readonly number[]): number[] {
  return figures.flatMap((figure, round) => {
    const other = others[round];
    return other === undefined ? [] : [figure / other];
  });
}
