import { defineDecision } from "./decision.lua.ts";

/**
 * It needs no clock: the debt is the key's own TTL times `rate`. A unit adds `window` to the debt and a millisecond takes `rate` off it,
 * so that all of it stays in whole numbers. A TTL is whole milliseconds, too: `spare` is the debt that rounding it up has added. State:
 * the spare and the id of the last call. Where `window` is a multiple of `rate` the algorithm makes no ids and the spare is 0, so that
 * the value need not be read.
 */
export const decideGcra = /* @__PURE__ */ defineDecision(
  ["burst", "window", "rate"],
  `
local spare, lastCall = 0, ""
local place
if call ~= "" then
  spare, lastCall = string.match(redis.call("GET", key) or "", "^(%d+)(.*)$")
  lastCall = lastCall or ""
  -- A call that was counted already takes nothing again.
  place = string.find(lastCall, call, 1, true)
  if place and units > 0 then units = 0 end
end
local debt = math.max(0, redis.call("PTTL", key) * rate - (tonumber(spare) or 0))
local mostDebt, nextDebt = burst * window, math.max(0, debt + units * window)
-- A block is stored as a debt of which just one unit fits when the block ends.
if block > 0 then nextDebt = mostDebt - window + block * rate end
local function write()
  local ttl = math.ceil(nextDebt / rate)
  if ttl == 0 then
    redis.call("DEL", key)
    return 0
  end
  -- An id has 7 characters. Who cancels does so for the call that stands there, which is taken off.
  lastCall = string.sub(cancels and string.sub(lastCall, #call + 1) or call .. lastCall, 1, 7)
  redis.call("SET", key, string.format("%d", ttl * rate - nextDebt) .. lastCall, "PX", string.format("%d", ttl))
  return ttl
end
-- After a block, or where units are booked ahead, the debt is above the most and less than nothing is free.
local wait = nextDebt > mostDebt and math.ceil((nextDebt - mostDebt) / rate) or 0
local free, reset = math.floor((mostDebt - debt) / window), math.ceil(debt / rate)
return wait, free, reset, place, write`,
);
