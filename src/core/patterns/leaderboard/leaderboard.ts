import { checkCount, checkDuration, checkMethods, checkOneOf } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { bindInside } from "../../internals.ts";
import { encodeId, namespaceOf } from "../../keys.ts";
import { checkPeriod } from "../../time/period.ts";
import { checkLifetime } from "../../time/lifetime.ts";
import type { Redis } from "../../port/redis.ts";
import { integer } from "../../port/reply.ts";
import { days, hours } from "../../time/duration.ts";
import { unchecked } from "../../unchecked.ts";
import { portFor } from "../../wait/ask-again.ts";
import { askBoards } from "./ask.ts";
import { incrementScore, removeMember, setScore } from "./change.ts";
import { checkCall } from "./check-call.ts";
import { type BoardContext, placesOf } from "./context.ts";
import { denseLayout, plainLayout } from "./format.ts";
import { boards } from "./inside.ts";
import type { BoardCallOptions, Leaderboard, LeaderboardOptions, Ties } from "./options.ts";
import { createReader } from "./reader.ts";
import { sizeScript } from "./scripts/size.lua.ts";
import { boardSource } from "./source.ts";

/**
 * Creates leaderboards: scores of members, ranked, one board for each id and period.
 * @throws {OptionError} An option can never work.
 * @example
 * const scores = createLeaderboard(redis, { prefix: "scores", period: weekly(), ties: "competition" });
 * await scores.increment("chess", "ada", 10);
 * const { rank } = await scores.set("chess", "bob", 1_200, { only: "higher" });
 * const { entries } = await scores.top("chess", { limit: 10 });
 */
export function createLeaderboard<Data = unknown>(redis: Redis, options: LeaderboardOptions): Leaderboard<Data> {
  const context = createContext(portFor(redis, options), options);
  const board: Leaderboard = {
    ...createReader(boardSource(context)),
    set: (id, member, score, call) => setScore(context, id, member, score, call),
    increment: (id, member, by, call) => incrementScore(context, id, member, by, call),
    remove: (id, member, call) => removeMember(context, id, member, call),
    count: (id, call) => countMembers(context, id, call),
  };
  // The type of the data is the caller's word: nothing checks it.
  return unchecked(bindInside(boards, board, context));
}

function createContext(redis: Redis, options: LeaderboardOptions): BoardContext {
  const { prefix, ttl = days(1), period, order = "descending", ties = "ordinal", keep } = options;
  const { maxBytes = 100_000, requestTtl = hours(24) } = options;
  checkPeriod(period);
  checkOneOf("order", order, ["descending", "ascending"]);
  const layout = layoutOf(ties, order, period !== undefined);
  const first = typeof ties === "object" ? ties : undefined;
  // Periods of one kind have about the same length, so that a mistake shows at once.
  first?.shiftIn(period?.at(0));
  return {
    redis,
    namespace: namespaceOf("leaderboard", prefix),
    layout,
    scope: period ? `${layout}:${encodeId(period.name)}` : layout,
    period,
    ttl: checkLifetime("ttl", ttl),
    order,
    ties: typeof ties === "object" ? "ordinal" : ties,
    first,
    most: lengthOf(keep),
    maxBytes: checkCount("maxBytes", maxBytes),
    requestTtl: checkDuration("requestTtl", requestTtl),
  };
}

function layoutOf(ties: Ties, order: string, hasPeriod: boolean): string {
  if (typeof ties === "object")
    return checkMethods("ties", ties, "made by firstToReach()", "layout", "shiftIn").layout(order, hasPeriod);
  if (["ordinal", "competition", "dense"].includes(ties)) return ties === "dense" ? denseLayout : plainLayout;
  throw new OptionError('`ties` must be "ordinal", "competition", "dense" or firstToReach()');
}

/** @returns 0 for a board that keeps everybody. */
function lengthOf(keep: LeaderboardOptions["keep"]): number {
  if (keep === undefined) return 0;
  if (typeof keep !== "object" || keep === null) {
    throw new OptionError("`keep` must be an object, such as { length: 100 }");
  }
  return checkCount("keep.length", keep.length);
}

async function countMembers(context: BoardContext, id: string, options?: BoardCallOptions): Promise<number> {
  const { at, signal } = checkCall(options) ?? {};
  const { reply } = await askBoards(
    context.period,
    at,
    (spans) => placesOf({ ...context, ties: "ordinal" }, id, spans),
    ({ keys, spans }) => {
      const scores = keys.filter((_, i) => i % 2 === 0);
      return sizeScript(context.redis, { keys: scores, spans }, { signal, idempotent: true });
    },
  );
  return integer(reply);
}
