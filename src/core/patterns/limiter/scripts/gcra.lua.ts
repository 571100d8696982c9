import { defineDecision } from "./decision.lua.ts";

/**
 * It needs no clock: the debt is the key's own TTL times `rate`. A unit adds `window` to the debt and a millisecond takes `rate` off it,
 * so that all of it stays in whole numbers. A TTL is whole milliseconds, too: `spare` is the debt that rounding it up has added. State:
 * `ttl spare burst window rate|rest;id`. These are the TTL and the spare of the last write, the limit that they were counted by, and
 * the id of the last call; and where the id is blocked, how long before the TTL's end the block ends.
 */
export const decideGcra = /* @__PURE__ */ defineDecision(
  ["burst", "window", "rate"],
  `
local ttl = redis.call("PTTL", key)
local lastTtl, spare, oldBurst, oldWindow, oldRate, rest, lastCall = string.match(redis.call("GET", key) or "", "^(%d+) (%d+) (%d+) (%d+) (%d+)|?(%d*)(.*)$")
lastCall = lastCall or ""
local place
if call ~= "" then
  -- A call that was counted already takes nothing again.
  place = string.find(lastCall, call, 1, true)
  if place and units > 0 then units = 0 end
end
-- How long until a block ends, or the last unit is due that was booked under another limit.
local debt, mostDebt, hold, converted, wait = 0, burst * window, 0, false
if lastTtl and ttl > 0 then
  lastTtl, oldBurst, oldWindow, oldRate = tonumber(lastTtl), tonumber(oldBurst), tonumber(oldWindow), tonumber(oldRate)
  if ttl > lastTtl then
    -- The server's clock was set back, which makes a key live longer than it was told to.
    redis.call("PEXPIRE", key, string.format("%.0f", lastTtl))
    ttl = lastTtl
  end
  if rest ~= "" then hold = math.max(0, ttl - rest) end
  debt = math.max(0, ttl * oldRate - spare)
  if oldWindow ~= window or oldRate ~= rate or oldBurst ~= burst then
    -- The debt of another limit is counted in units, which come back at the faster one of both rates until the next write.
    hold = math.max(hold, math.ceil((debt - oldBurst * oldWindow) / oldRate))
    converted = true
    local faster = math.max(oldRate / oldWindow, rate / window)
    local owed = math.max(0, (lastTtl * oldRate - spare) / oldWindow - (lastTtl - ttl) * faster)
    debt = math.floor(math.min(owed, burst) * window + 0.5)
    wait = math.floor(((owed + units) * window - mostDebt - 0.5) / (window * faster)) + 1
  end
end
local nextDebt = math.min(math.max(0, debt + units * window), 2 ^ 53)
if block > 0 then
  -- A block is also a debt of which just one unit fits when the block ends.
  nextDebt = math.min(mostDebt - window + block * rate, 2 ^ 53)
  hold = block
end
local function write()
  -- Nobody overtakes a unit that is booked ahead.
  if converted and units > 0 then hold = wait end
  local ttl = math.max(math.ceil(nextDebt / rate), hold)
  if ttl == 0 then
    redis.call("DEL", key)
    return 0
  end
  local state = string.format("%.0f %.0f %d %d %d", ttl, ttl * rate - nextDebt, burst, window, rate)
  if hold > 0 then state = string.format("%s|%.0f", state, ttl - hold) end
  -- An id has 7 characters. Who cancels does so for the call that stands there, which is taken off.
  lastCall = string.sub(cancels and string.sub(lastCall, #call + 1) or call .. lastCall, 1, 7)
  redis.call("SET", key, state .. lastCall, "PX", string.format("%.0f", ttl))
  return ttl
end
wait = math.max(hold, wait or math.ceil((nextDebt - mostDebt) / rate))
local free, reset = math.max(0, math.floor((mostDebt - debt) / window)), math.max(hold, math.ceil(debt / rate))
return wait, free, reset, place, write, hold > 0 or debt > mostDebt`,
);
