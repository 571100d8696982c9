import { defineDecision } from "./decision.lua.ts";
import { splitUnits } from "./timed.lua.ts";

/**
 * No clock: the key's own TTL is the time until the last window ends in which units are counted, which lies ahead where some are
 * booked. State: `used window lastTtl;id;id|rest`. These are the units, the window in which they were counted, the TTL when the last of
 * them was, and the ids of the last four calls; and where the id is blocked, how long before this window ends the block ends.
 */
export const decideFixedWindow = /* @__PURE__ */ defineDecision(
  ["limit", "window"],
  `
used = tonumber(used) or 0
lastTtl = tonumber(lastTtl) or 0
calls = calls or ""
if not stored then
  ttl = 0
elseif ttl > lastTtl then
  -- The server's clock was set back, which makes a key live longer than it was told to.
  redis.call("PEXPIRE", key, string.format("%d", lastTtl))
  ttl = lastTtl
end
-- What was counted before takes nothing again.
local place = string.find(calls, call, 1, true)
if place and units > 0 then units = 0 end
-- How long until the block ends, until the last window ends, and until it begins.
local blockEnd, windowEnd, nextStart = 0, ttl, 0
if tonumber(rest) then blockEnd = math.max(0, ttl - rest) end
if stored and stored ~= text2 then
  -- The units were counted in another window. They count until this one has passed since the first of them, or since the last of them
  -- if that is over: which of them are how old is not known.
  local age = math.min(lastTtl, stored) - ttl
  windowEnd = ttl - stored + window
  nextStart = window - age
  if nextStart <= 0 then
    windowEnd = 0
  elseif windowEnd <= 0 then
    windowEnd = nextStart
  end
  lastTtl = windowEnd + math.max(0, age)
end
if block > 0 then blockEnd = block end
-- Behind a block that outlasts the window an empty window begins, and another block moves it.
if windowEnd <= blockEnd or block > 0 and used == 0 then
  windowEnd = blockEnd + window
  lastTtl = windowEnd
  used = 0
end
local windowStart = windowEnd - window
local blocked = blockEnd > 0 or windowStart > 0
local free, reset = math.max(0, limit - used), windowEnd
${splitUnits}
used = math.max(0, used + units)
if used > limit and units > 0 then
  -- The units are not split: all of them are in the next window.
  windowStart = math.max(windowEnd, nextStart)
  windowEnd = windowStart + window
  used = units
elseif cancels and used == 0 and windowStart > 0 then
  -- Nothing is left in the window that was booked into. The one before it must have been full.
  windowEnd = windowStart
  lastTtl = windowEnd
  used = limit
end
if fullWindows > 0 then
  windowEnd = windowEnd + fullWindows * window
  used = limit
end
local function write()
  if units > 0 then lastTtl = windowEnd end
  calls = string.sub(cancels and string.sub(calls, #call + 1) or call .. calls, 1, 28)
  local state = string.format("%d %s %d%s", used, text2, lastTtl, calls)
  if blockEnd > 0 then state = string.format("%s|%d", state, windowEnd - blockEnd) end
  -- The same window keeps its TTL, or it would end later by what this script takes.
  if windowEnd == ttl then
    redis.call("SET", key, state, "KEEPTTL")
  else
    redis.call("SET", key, state, "PX", string.format("%d", windowEnd))
  end
  return windowEnd
end
return math.max(windowStart, blockEnd), free, reset, place, write, blocked`,
  `local ttl = redis.call("PTTL", key)
local used, stored, lastTtl, calls, rest = string.match(redis.call("GET", key) or "", "^(%d+) (%d+) (%d+)([^|]*)|?(%d*)$")
`,
  `
-- Most calls take one unit of a window that is open and was not booked into, or find it full.
if stored == numbers[2] and rest == "" and not numbers[4] and not seen[1] and not string.find(calls, call, 1, true)
  and ttl > 0 and ttl <= tonumber(lastTtl) and ttl <= tonumber(stored) then
  local free = numbers[1] - used
  if free < 1 then return {ttl, 0, ttl} end
  redis.call("SET", key, string.format("%d %s %d%s", used + 1, stored, ttl, string.sub(call .. calls, 1, 28)), "KEEPTTL")
  return {0, free - 1, ttl}
end
`,
);
