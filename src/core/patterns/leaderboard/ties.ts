import { checkCount, checkDuration, checkDurationOrZero, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { days, seconds } from "../../time/duration.ts";
import type { Span } from "../../time/period.ts";

/** Options of `firstToReach`. */
export interface FirstToReachOptions {
  /**
   * How exactly time counts, in milliseconds. Of two who reach a score within one unit, neither is first.
   * @default seconds(1)
   */
  readonly unit?: number | undefined;
  /**
   * The highest score that the boards will see. It is checked at once that scores up to it fit beside the time.
   * @default as much as fits
   */
  readonly maxScore?: number | undefined;
  /**
   * For boards without a period: since when time counts, in milliseconds since 1970.
   * @default 1767225600000, the beginning of 2026
   */
  readonly from?: number | undefined;
  /**
   * For boards without a period: for how long time counts from then on, in milliseconds. Who comes later is level.
   * @default 68 years
   */
  readonly length?: number | undefined;
}

/** Among equal scores, who had it first is ahead. `firstToReach` makes it. */
export interface FirstToReach {
  /** In milliseconds. */
  readonly unit: number;
  /** The beginning of time for a board without a period, in milliseconds since 1970. */
  readonly from: number;
  /** The name of the layout of boards: scores that were written otherwise mean something else. */
  layout(order: string, hasPeriod: boolean): string;
  /**
   * What a score is multiplied by, so that there is room for a time in the period.
   * @throws {OptionError} There is no room for scores.
   */
  shiftIn(span: Span | undefined): number;
  /** @throws {OptionError} The score does not fit beside the time, or is no whole number. */
  checkScore(name: string, score: number, shift: number): void;
}

/** A double holds whole numbers below 2^53. */
const room = 2 ** 53;

/**
 * Puts first who reached a score first, by the server's clock. The score and the time share one number of 53 bits, so that scores must be
 * whole and not below 0. A week at seconds leaves room for scores up to 8,589,934,591; 68 years at seconds for scores up to 4,194,303.
 * @throws {OptionError} An option can never work.
 */
export function firstToReach(options: FirstToReachOptions = {}): FirstToReach {
  const {
    unit = seconds(1),
    maxScore = 0,
    from = 1_767_225_600_000,
    length = days(24_820),
  } = checkOptions(options, "{ unit: seconds(1) }");
  const whole = checkDuration("unit", unit);
  const start = checkDurationOrZero("from", from);
  const own = { start, end: start + checkDuration("length", length), name: "" };
  checkCount("maxScore", maxScore, 0);
  return {
    unit: whole,
    from: start,
    layout: (order, hasPeriod) => `f1-${order[0]}-${whole}${hasPeriod ? "" : `-${start}-${own.end - start}`}`,
    shiftIn({ start, end } = own) {
      let shift = 1;
      while (shift * whole < end - start) shift *= 2;
      if (maxScore < room / shift && shift < room) return shift;
      throw new OptionError(
        "`ties` has no room for `maxScore` beside the time: a longer `unit` or a shorter period helps",
      );
    },
    checkScore(name, score, shift) {
      if (Number.isInteger(score) && score >= 0 && score < room / shift) return;
      throw new OptionError(
        `\`${name}\` must be a whole number from 0 to ${room / shift - 1}, so that it fits beside the time; see \`firstToReach\``,
      );
    },
  };
}
