import { OptionError } from "../../../errors.ts";
import { unchecked } from "../../../unchecked.ts";
import type { Leaderboard, Page, PageOptions } from "../options.ts";
import { readPage } from "../page.ts";
import { contextOf } from "../inside.ts";
import { byScoreScript } from "../scripts/by-score.lua.ts";
import { boardSource } from "../source.ts";

/** Options of `listByScore`. */
export interface ScoreRangeOptions extends PageOptions {
  /**
   * The lowest score to list.
   * @default none
   */
  readonly min?: number | undefined;
  /**
   * The highest score to list.
   * @default none
   */
  readonly max?: number | undefined;
}

/**
 * Lists the entries whose score is from `min` to `max`, the best first, page by page as `top` does. Ranks are those on the whole board.
 * @throws {OptionError} The board was not made by `createLeaderboard`, or an option can never work.
 */
export async function listByScore<Data>(
  board: Leaderboard<Data>,
  id: string,
  options: ScoreRangeOptions,
): Promise<Page<Data>> {
  const context = contextOf(board);
  const { min = -Infinity, max = Infinity } = options ?? {};
  if (typeof min !== "number" || typeof max !== "number" || Number.isNaN(min) || Number.isNaN(max))
    throw new OptionError("`min` and `max` must be numbers");
  const source = boardSource(context);
  // A board of whole scores has none between two of them, and none below 0.
  const range = context.first ? { min: Math.max(0, Math.ceil(min)), max: Math.max(-1, Math.floor(max)) } : { min, max };
  const page = readPage(source, id, options, undefined, (values, send) =>
    byScoreScript(context.redis, { ...values, min: boundOf(range.min), max: boundOf(range.max) }, send),
  );
  // The type of the data is the caller's word: nothing checks it.
  return unchecked(page);
}

/** As Redis writes it. */
function boundOf(score: number): string {
  return Number.isFinite(score) ? String(score) : score > 0 ? "+inf" : "-inf";
}
