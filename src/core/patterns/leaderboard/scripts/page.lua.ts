import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseBoard, ranks } from "./board.lua.ts";

/** What every script of a page takes besides the keys. */
export const pageArgs = ["spans", "shifts", "order", "ties", "limit", "seek", "score", "member"] as const;

/**
 * Reads the entries from the position `first` on, 0 for the best, up to the position `last`, -1 for the end. The answer is the number of
 * the period; `first`; the rank of the first entry; how many entries follow, one more than asked for if there are more; member and score of
 * each; and the data of those asked for, if the board has any.
 */
export const answerPage = `
local stop = first + tonumber(limit)
if last >= 0 then
  stop = math.min(stop, last)
end
local rows = stop < first and {} or redis.call(range, scores, first, stop, "WITHSCORES")
local best = first + 1
if rows[1] and ties ~= "ordinal" then
  best = rankOf(rows[1], rows[2])
end
local answer = {place, first, best, #rows / 2}
for i = 1, #rows do
  answer[#answer + 1] = rows[i]
end
if data and rows[1] and redis.call("EXISTS", data) == 1 then
  local names = {}
  for i = 1, math.min(#rows, limit * 2), 2 do
    names[#names + 1] = rows[i]
  end
  for _, stored in ipairs(redis.call("HMGET", data, unpack(names))) do
    answer[#answer + 1] = stored
  end
end
return answer
`;

/**
 * Finds the first entry behind a cursor, or those around a member. A cursor is a score and a member, and not a number of entries: others may
 * come and go, and nobody whose score stays is shown twice or left out.
 */
export const seekEntry = `
local range, rank = "ZREVRANGE", "ZREVRANK"
if up then
  range, rank = "ZRANGE", "ZRANK"
end
-- Compares bytes. The operators of Lua follow the language of the server.
local function isLess(one, two)
  for i = 1, math.min(#one, #two) do
    local a, b = string.byte(one, i), string.byte(two, i)
    if a ~= b then
      return a < b
    end
  end
  return #one < #two
end
local function positionBehind()
  local current = redis.call("ZSCORE", scores, member)
  if current and tonumber(current) == tonumber(score) then
    return redis.call(rank, scores, member) + 1
  end
  -- The member has gone or has another score. Its place among equal scores is searched for by halves.
  local from = countAhead(score)
  local to = from + redis.call("ZCOUNT", scores, score, score)
  while from < to do
    local middle = math.floor((from + to) / 2)
    local name = redis.call(range, scores, middle, middle)[1]
    if isLess(name, member) == up then
      from = middle + 1
    else
      to = middle
    end
  end
  return from
end
local first, last = 0, -1
if seek == "after" then
  first = positionBehind()
elseif seek == "around" then
  first = redis.call(rank, scores, member)
  if not first then
    return {place, 0, 0, 0}
  end
  first = math.max(0, math.min(first - math.floor(limit / 2), redis.call("ZCARD", scores) - limit))
  last = first + limit - 1
end
`;

/** The script of a page of whatever board was chosen. */
export const pageLua = `
${ranks}
${seekEntry}
${answerPage}
`;

export const pageScript = defineScript({
  keys: ["...keys"],
  args: pageArgs,
  decode: raw,
  lua: `
${chooseBoard}
${pageLua}`,
});
