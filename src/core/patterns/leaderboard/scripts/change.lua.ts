import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { keepInPeriod } from "../../../script/period.lua.ts";
import { chooseBoard, distinctScores, ranks } from "./board.lua.ts";

// Reading, comparing, writing, trimming and ranking are one script, so that no two callers overwrite each other's better score and no
// reader sees a board that is too long. Scores are compared here and not by ZADD GT, which Redis 6.0 does not have. The answer is whether the
// score changed, the score and the rank, which is 0 without a place on the board.
export const changeScript = defineScript({
  keys: ["request", "...keys"],
  args: [
    "remember",
    "operation",
    "member",
    "value",
    "only",
    "stored",
    "order",
    "ties",
    "most",
    "ttl",
    "spans",
    "shifts",
    "unit",
    "epoch",
    "at",
  ],
  decode: text,
  lua: once(
    `
if changed then
  redis.call("ZADD", scores, entry, member)
  if levels then
    join(entry)
    if current then
      leave(current)
    end
  end
end
if allowed and stored ~= "" then
  redis.call("HSET", data, member, stored)
end
local isOut = trim()
local rank = 0
if not isOut then
  rank = rankOf(member, changed and entry or current)
end
for _, key in ipairs({scores, data, levels}) do
  keep(key)
end
local score = string.format("%.17g", allowed and wanted or was)
return (changed and (current or not isOut) and "1 " or "0 ") .. score .. " " .. ${digits("rank")}`,
    `
${chooseBoard}
${ranks}
${distinctScores}
${keepInPeriod}
local function serverNow()
  ${serverTime}
  return now
end
-- A board whose time is over is not there to be changed.
if at ~= "" and tonumber(ttl) > 0 and serverNow() >= bounds[2] + ttl then
  return "0 " .. value .. " 0"
end
local current = redis.call("ZSCORE", scores, member)
local was = current and (shift and math.floor(current / shift) or tonumber(current))
-- Adding 0 turns -0 into 0.
local wanted = value + 0
if operation == "increment" then
  wanted = wanted + (was or 0)
end
if shift or operation == "increment" then
  local largest = 9007199254740992 / (shift or 1)
  if math.abs(wanted) >= largest or shift and wanted < 0 then
    return redis.error_reply("RANGE The score would leave the whole numbers that this board holds exactly; nothing was changed. Use smaller points or a larger unit, or begin a new board")
  end
end
local allowed = not was or only == "" or only == "higher" and wanted > was or only == "lower" and wanted < was
local changed = allowed and wanted ~= was
local entry = string.format("%.17g", wanted)
if shift then
  -- Who reaches a score later stands behind those who have it.
  local instant = tonumber(at) or serverNow()
  local tick = math.floor((instant - (tonumber(epoch) or bounds[place])) / unit)
  tick = math.max(0, math.min(tick, shift - 1))
  entry = ${digits("wanted * shift + (up and tick or shift - 1 - tick)")}
end
-- A key of another type is refused before the first write, so that nothing is half done.
if stored ~= "" or tonumber(most) > 0 then
  redis.call("HLEN", data)
end
if levels then
  redis.call("ZCARD", levels)
end
-- Takes away those who stand behind the last place, and tells whether the member is one of them.
local function trim()
  local over = tonumber(most) > 0 and redis.call("ZCARD", scores) - most or 0
  if over <= 0 then
    return false
  end
  -- A board that was allowed to be longer is shortened bit by bit.
  over = math.min(over, 500)
  local from, to = 0, over - 1
  if up then
    from, to = -over, -1
  end
  local last = redis.call("ZRANGE", scores, from, to, "WITHSCORES")
  redis.call("ZREMRANGEBYRANK", scores, from, to)
  local names = {}
  local isOut = false
  for i = 1, #last, 2 do
    names[#names + 1] = last[i]
    isOut = isOut or last[i] == member
    if levels then
      leave(last[i + 1])
    end
  end
  redis.call("HDEL", data, unpack(names))
  return isOut
end
`,
  ),
});
