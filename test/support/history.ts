/** One stay in the critical section, as its holder saw it. Times are of one clock. */
export interface Stay {
  readonly holder: string;
  readonly fence: string;
  /** When the holder was told that it holds. */
  readonly from: number;
  /** When it stopped: before it asked for the release, or when its signal aborted. */
  readonly to: number;
}

/** Records who was inside, and when. */
export function createHistory() {
  const stays: Stay[] = [];
  let inside = 0;
  let most = 0;
  return {
    stays,
    /** The most holders that were inside together. */
    get most() {
      return most;
    },
    /** Records one stay; call `leave` before the release is sent. */
    enter(holder: string, fence: string): { leave(): void } {
      const from = performance.now();
      inside += 1;
      most = Math.max(most, inside);
      let left = false;
      return {
        leave() {
          if (left) return;
          left = true;
          inside -= 1;
          stays.push({ holder, fence, from, to: performance.now() });
        },
      };
    },
  };
}

/**
 * What is wrong with the history of a lock: stays that overlap in time, and fences that do not rise in the order of the stays.
 * An empty list means that it is the history of a mutual exclusion.
 */
export function violations(stays: readonly Stay[], holders = 1): string[] {
  return [...overlaps(stays, holders), ...unordered(stays)];
}

/** Sweeps over the beginnings and ends: never more than `holders` inside. An end comes before a beginning of the same time. */
function overlaps(stays: readonly Stay[], holders: number): string[] {
  const moments = stays
    .flatMap((stay) => [
      { at: stay.from, change: 1, stay },
      { at: stay.to, change: -1, stay },
    ])
    .sort((a, b) => a.at - b.at || a.change - b.change);
  const found: string[] = [];
  let inside = 0;
  for (const { change, stay } of moments) {
    inside += change;
    if (change > 0 && inside > holders) found.push(`${stay.holder} came in as number ${inside} of ${holders}`);
  }
  return found;
}

function unordered(stays: readonly Stay[]): string[] {
  const byTime = [...stays].sort((a, b) => a.from - b.from);
  return byTime.flatMap((stay, i) => {
    const before = byTime[i - 1];
    if (!before || BigInt(stay.fence) > BigInt(before.fence)) return [];
    return [`${stay.holder} has the fence ${stay.fence} after ${before.fence} of ${before.holder}`];
  });
}
