import { createInternals, insideOf } from "../../internals.ts";
import type { BoardContext } from "./context.ts";

/** Where a leaderboard holds what the functions of `operations/` use. */
export const boards = /* @__PURE__ */ createInternals<BoardContext>("leaderboard");

/** @throws {OptionError} It was not made by `createLeaderboard`. */
export function contextOf(board: object): BoardContext {
  return insideOf(boards, board, "`board` must be made by createLeaderboard");
}
