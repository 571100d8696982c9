import { choosePeriod } from "../../../script/period.lua.ts";

/**
 * Splits the text `spans` into the list `bounds`, the start of the first period and the end of each, and chooses the number `place` of one
 * of them by the server's clock. A board without periods has an empty text.
 */
export const chooseSpan = `
local bounds = {}
local chosen = 1
if spans ~= "" then
  for bound in string.gmatch(spans, "%S+") do
    bounds[#bounds + 1] = bound
  end
  ${choosePeriod}
  chosen = place
end
local place = chosen
`;

/**
 * Chooses the board of the period by the server's clock: its keys become `scores`, `data` and, where equal scores share a dense rank,
 * `levels`, the distinct scores. `shift` is what a score is multiplied by where the sorted set also holds when it was reached, else nil.
 */
export const chooseBoard = `
${chooseSpan}
local stride = #keys / math.max(1, #bounds - 1)
local scores, data, levels = unpack(keys, (place - 1) * stride + 1, place * stride)
local shift
if shifts ~= "" then
  local all = {}
  for text in string.gmatch(shifts, "%S+") do
    all[#all + 1] = text
  end
  shift = tonumber(all[place])
end
-- Redis writes a score in other digits from one version to the next. These are the same everywhere.
local function levelOf(score)
  return string.format("%.17g", score)
end
`;

/** Two Lua functions, which need `chooseBoard`: how many members are ahead of a score, and the rank of a member. */
export const ranks = `
local up = order == "ascending"
local function countAhead(score)
  if up then
    return redis.call("ZCOUNT", scores, "-inf", "(" .. score)
  end
  return redis.call("ZCOUNT", scores, "(" .. score, "+inf")
end
local function rankOf(member, score)
  if ties == "competition" then
    return countAhead(score) + 1
  end
  local command = up and "ZRANK" or "ZREVRANK"
  if not levels then
    return redis.call(command, scores, member) + 1
  end
  -- A Redis that evicts keys may have taken the levels alone.
  return (redis.call(command, levels, levelOf(score)) or countAhead(score)) + 1
end
`;

/**
 * Two Lua functions that keep the distinct scores, where equal scores share a dense rank: one for a score that somebody has now, one for a
 * score that somebody had. They need `chooseBoard`.
 */
export const distinctScores = `
local function join(score)
  local level = levelOf(score)
  redis.call("ZADD", levels, level, level)
end
local function leave(score)
  if redis.call("ZCOUNT", scores, score, score) == 0 then
    redis.call("ZREM", levels, levelOf(score))
  end
end
`;
