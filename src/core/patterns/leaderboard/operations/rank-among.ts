import { checkMembers } from "../check-call.ts";
import { contextOf } from "../inside.ts";
import type { BoardCallOptions, Entry, Leaderboard } from "../options.ts";

/**
 * Ranks at most 1,000 members among themselves, such as friends, by the board's order and ties. Who is not on the board is left out.
 * @throws {OptionError} The board was not made by `createLeaderboard`, or there are too many members.
 */
export async function rankAmong<Data>(
  board: Leaderboard<Data>,
  id: string,
  members: readonly string[],
  options?: BoardCallOptions,
): Promise<readonly Entry<Data>[]> {
  const { ties } = contextOf(board);
  const found = (await board.getMany(id, [...new Set(checkMembers(members))], options)).filter(
    (entry) => entry !== null,
  );
  // A rank on the whole board says who is ahead of whom. Where ranks are shared, the order of the list stays.
  const entries = found.sort((one, two) => one.rank - two.rank);
  let rank = 0;
  return entries.map((entry, i) => {
    const isLevel = ties !== "ordinal" && entry.rank === entries[i - 1]?.rank;
    if (!isLevel) rank = ties === "dense" ? rank + 1 : i + 1;
    return { ...entry, rank };
  });
}
