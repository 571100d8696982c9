import { OptionError } from "../../../errors.ts";
import { text } from "../../../port/reply.ts";
import { askBoards } from "../ask.ts";
import { checkCall } from "../check-call.ts";
import { type Places, placesOf } from "../context.ts";
import { contextOf } from "../inside.ts";
import type { BoardCallOptions, Leaderboard } from "../options.ts";
import { scoreAtScript } from "../scripts/score-at.lua.ts";

/**
 * Reads the score at a percentile: so many percent of the members have this score or a worse one (the nearest-rank method). 50 gives the
 * median, 100 the best score.
 * @param percentile From 0 to 100.
 * @returns `null` if the board is empty.
 * @throws {OptionError} The board was not made by `createLeaderboard`, or the percentile is none.
 */
export async function scoreAtPercentile(
  board: Pick<Leaderboard, "count">,
  id: string,
  percentile: number,
  options?: BoardCallOptions,
): Promise<number | null> {
  const context = contextOf(board);
  const { redis, period, order } = context;
  const { at, signal } = checkCall(options) ?? {};
  if (!(percentile >= 0 && percentile <= 100)) throw new OptionError("`percentile` must be a number from 0 to 100");
  const ask = (places: Places) => scoreAtScript(redis, { ...places, order, percentile }, { signal, idempotent: true });
  const { reply } = await askBoards(period, at, (spans) => placesOf(context, id, spans), ask);
  const score = text(reply);
  return score === "" ? null : Number(score);
}
