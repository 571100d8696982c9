export { createLeaderboard } from "./leaderboard.ts";
export type {
  BoardCallOptions,
  BoardChangeOptions,
  BoardReader,
  Entry,
  IncrementOptions,
  Leaderboard,
  LeaderboardOptions,
  Page,
  PageOptions,
  Placing,
  SetScoreOptions,
  Standing,
  Ties,
} from "./options.ts";
export { clearBoard } from "./operations/clear-board.ts";
export { listByScore } from "./operations/list-by-score.ts";
export type { ScoreRangeOptions } from "./operations/list-by-score.ts";
export { rankAmong } from "./operations/rank-among.ts";
export { rollingBoard } from "./operations/rolling-board.ts";
export type { RollingOptions } from "./operations/rolling-board.ts";
export { scoreAtPercentile } from "./operations/score-at-percentile.ts";
export { firstToReach } from "./ties.ts";
export type { FirstToReach, FirstToReachOptions } from "./ties.ts";
export type { Lifetime } from "../../time/lifetime.ts";
export type { ChangeOptions } from "../../request.ts";
export { daily, monthly, weekly } from "../../time/calendar.ts";
export type { CalendarOptions } from "../../time/calendar.ts";
export { every } from "../../time/period.ts";
export type { Period, Span } from "../../time/period.ts";
