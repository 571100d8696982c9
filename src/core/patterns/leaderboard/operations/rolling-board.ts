import { checkCount, checkDuration, checkOneOf, checkOptions } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { seconds } from "../../../time/duration.ts";
import { longestRun, type Period, type Span, spanAt } from "../../../time/period.ts";
import { unchecked } from "../../../unchecked.ts";
import { type BoardContext, boundsOf, type Places, startsOf } from "../context.ts";
import { boardKey } from "../format.ts";
import { contextOf } from "../inside.ts";
import type { BoardReader, Leaderboard } from "../options.ts";
import { createReader } from "../reader.ts";
import { rollingPageScript, rollingStandingsScript } from "../scripts/rolling.lua.ts";

/** Options of `rollingBoard`. */
export interface RollingOptions {
  /** How many periods to merge, the one that runs now included: from 1 to 100. */
  readonly last: number;
  /**
   * What becomes of the scores that a member has in several periods: their sum, the highest or the lowest.
   * @default "sum"
   */
  readonly combine?: "sum" | "max" | "min" | undefined;
  /**
   * For how long a merged board is used before it is merged again, in milliseconds.
   * @default seconds(60)
   */
  readonly maxStaleness?: number | undefined;
}

/** The most periods that one script merges. */
const most = 100;

/**
 * Reads the last periods of a leaderboard as one board, such as the last seven days of a daily one. Members have no `data` there. To merge
 * takes time in proportion to all entries, so that the merged board is kept for `maxStaleness`.
 * @throws {OptionError} The leaderboard has no period, its `ttl` does not keep the oldest of them, or its ties are "dense" or
 * `firstToReach`; or an option can never work.
 * @example
 * const daily = createLeaderboard(redis, { prefix: "steps", period: every(days(1)), ttl: days(8) });
 * const week = rollingBoard(daily, { last: 7 });
 * const { entries } = await week.top("team:7", { limit: 10 });
 */
export function rollingBoard(board: Pick<Leaderboard, "count">, options: RollingOptions): BoardReader<never> {
  const { redis, namespace, layout, period, order, ties, first, ttl } = contextOf(board);
  const { last, combine = "sum", maxStaleness = seconds(60) } = checkOptions(options, "{ last: 7 }");
  if (checkCount("last", last) > most) throw new OptionError(`\`last\` must be at most ${most}; use a longer period`);
  checkOneOf("combine", combine, ["sum", "max", "min"]);
  if (!period) throw new OptionError("`board` must have a `period`, whose boards are merged");
  if (ties === "dense" || first) throw new OptionError('`board` must have the ties "ordinal" or "competition"');
  const staleness = checkDuration("maxStaleness", maxStaleness);
  checkKept(period, ttl, last);
  const window = `${last} ${combine} ${staleness}`;
  const reader = createReader({
    redis,
    period,
    order,
    ties,
    locate: locateWindows({ namespace, layout }, period, last, `${last}-${combine}-${staleness}`),
    page: (values, send) => rollingPageScript(redis, { ...values, window }, send),
    standings: (values, send) => rollingStandingsScript(redis, { ...values, window }, send),
  });
  return unchecked(reader);
}

/** The oldest board is needed until the period that runs now ends: all periods but itself later. Without it, sums would be too low. */
function checkKept(period: Period, ttl: number, last: number): void {
  if (ttl === 0 || ttl >= longestRun(period, last - 1)) return;
  throw new OptionError(
    "`ttl` of the board is too short for `last`: raise it to as many periods as `last` is, or ask for fewer",
  );
}

/** Names the boards that a window may need, and what is merged from them, for each period that the server's clock may be in. */
function locateWindows(
  { namespace, layout }: Pick<BoardContext, "namespace" | "layout">,
  period: Period,
  last: number,
  name: string,
) {
  return (id: string, spans: readonly (Span | undefined)[]): Places => {
    const own = spans.filter((span) => span !== undefined);
    const all = [...own];
    while (all.length < own.length + last - 1) {
      const [earliest] = all;
      if (!earliest) break;
      all.unshift(spanAt(period, earliest.start - 1));
    }
    return {
      keys: [
        ...all.map((span) => boardKey(namespace, id, layout, "s", span.name)),
        ...own.map((span) => boardKey(namespace, id, layout, "r", `${name}:${span.name}`)),
      ],
      spans: boundsOf(own),
      shifts: "",
      starts: startsOf(own),
    };
  };
}
