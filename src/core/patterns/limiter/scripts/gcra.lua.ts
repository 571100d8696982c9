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
local lastTtl, spare, oldLimit, rest, lastCall = string.match(redis.call("GET", key) or "", "^(%d+) (%d+) ([%d ]+)(|?%d*)(.*)$")
lastCall = lastCall or ""
local ownLimit = text1 .. " " .. text2 .. " " .. text3
local place
if call ~= "" then
  -- A call that was counted already takes nothing again.
  place = string.find(lastCall, call, 1, true)
  if place and units > 0 then units = 0 end
end
-- How long until a block ends, or the last unit is due that was booked under another limit.
local debt, mostDebt, hold, converted, wait = 0, burst * window, 0, false
if lastTtl and ttl > 0 then
  lastTtl = tonumber(lastTtl)
  if ttl > lastTtl then
    -- The server's clock was set back, which makes a key live longer than it was told to.
    redis.call("PEXPIRE", key, string.format("%.0f", lastTtl))
    ttl = lastTtl
  end
  if rest ~= "" then hold = math.max(0, ttl - string.sub(rest, 2)) end
  debt = math.max(0, ttl * rate - spare)
  if oldLimit ~= ownLimit then
    local oldBurst, oldWindow, oldRate = string.match(oldLimit, "(%d+) (%d+) (%d+)")
    debt = math.max(0, ttl * oldRate - spare)
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
  if converted and units > 0 and wait > 0 then
    -- Nobody overtakes a unit that is booked ahead, and when it is due the burst is just used up.
    hold = wait
    nextDebt = math.min(mostDebt + wait * rate, 2 ^ 53)
  end
  local ttl = math.max(math.ceil(nextDebt / rate), hold)
  if ttl == 0 then
    redis.call("DEL", key)
    return 0
  end
  local state = string.format("%d %.0f ", ttl, ttl * rate - nextDebt) .. ownLimit
  if hold > 0 then state = string.format("%s|%.0f", state, ttl - hold) end
  -- An id has 7 characters. Who cancels does so for the call that stands there, which is taken off.
  lastCall = string.sub(cancels and string.sub(lastCall, #call + 1) or call .. lastCall, 1, 7)
  redis.call("SET", key, state .. lastCall, "PX", string.format("%d", ttl))
  return ttl
end
wait = math.max(hold, wait or math.ceil((nextDebt - mostDebt) / rate))
local free, reset = math.max(0, math.floor((mostDebt - debt) / window)), math.max(hold, math.ceil(debt / rate))
return wait, free, reset, place, write, hold > 0 or debt > mostDebt`,
);
