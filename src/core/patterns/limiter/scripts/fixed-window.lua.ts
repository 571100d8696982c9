import { defineDecision } from "./decision.lua.ts";

/**
 * No clock: the key's own TTL is the time until the last window ends in which units are counted, which lies ahead where some are
 * booked. State: the number of these units and the ids of the last four calls; and where the id is blocked, how long before this window
 * ends the block ends.
 */
export const decideFixedWindow = /* @__PURE__ */ defineDecision(
  ["limit", "window"],
  `
local ttl = redis.call("PTTL", key)
local used, calls, rest = string.match(redis.call("GET", key) or "", "^(%d+)([^|]*)|?(%d*)$")
used = tonumber(used) or 0
calls = calls or ""
-- What was counted before takes nothing again.
local place = string.find(calls, call, 1, true)
if place and units > 0 then units = 0 end
-- How long until the block ends, until the last window ends, and until it begins.
local blockEnd, windowEnd = 0, ttl
if tonumber(rest) then blockEnd = math.max(0, ttl - rest) end
if block > 0 then blockEnd = block end
-- Behind a block that outlasts the window an empty window begins, and another block moves it.
if windowEnd <= blockEnd or block > 0 and used == 0 then
  windowEnd = blockEnd + window
  used = 0
end
local windowStart = windowEnd - window
local blocked = blockEnd > 0 or windowStart > 0
local free, reset = limit - used, windowEnd
used = math.max(0, used + units)
if used > limit then
  -- The units are not split: all of them are in the next window.
  windowStart = windowEnd
  windowEnd = windowEnd + window
  used = units
elseif cancels and used == 0 and windowStart > 0 then
  -- Nothing is left in the window that was booked into. The one before it must have been full.
  windowEnd = windowStart
  used = limit
end
local function write()
  calls = string.sub(cancels and string.sub(calls, #call + 1) or call .. calls, 1, 28)
  local state = string.format("%d", used) .. calls
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
);
