import { integer } from "../../../port/reply.ts";
import { checkChange, rememberRequest } from "../../../request.ts";
import { askBoards } from "../ask.ts";
import { type Places, placesOf } from "../context.ts";
import { contextOf } from "../inside.ts";
import type { BoardChangeOptions, Leaderboard } from "../options.ts";
import { clearScript } from "../scripts/clear.lua.ts";

/**
 * Takes all members off one board, with their data. With a `period`, off the board of now, or of the instant `at`.
 * @returns How many there were.
 * @throws {OptionError} The board was not made by `createLeaderboard`, or the id can never work.
 */
export async function clearBoard(
  board: Pick<Leaderboard, "count">,
  id: string,
  options?: BoardChangeOptions,
): Promise<number> {
  const context = contextOf(board);
  const { redis, namespace, scope, period, requestTtl } = context;
  const { at, signal } = checkChange(options) ?? {};
  const remembered = rememberRequest(namespace, id, `clear:${scope}`, options ?? {}, requestTtl);
  const clear = (places: Places) => clearScript(redis, { ...remembered, ...places }, { signal, idempotent: true });
  const { reply } = await askBoards(period, at, (spans) => placesOf(context, id, spans), clear);
  return integer(reply);
}
