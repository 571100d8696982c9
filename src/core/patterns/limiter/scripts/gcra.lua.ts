import { defineDecision } from "./decision.lua.ts";

/**
 * No clock: the key's own TTL is the time until everything is free. A unit weighs `window` and every millisecond takes `rate` off
 * the debt, in whole numbers; `spare` is what the TTL, a whole number of milliseconds, is too long by. State: the spare and the id of the
 * last call. Without such an id and with whole intervals the spare is 0, and the value need not be read.
 */
export const decideGcra = /* @__PURE__ */ defineDecision(
  ["burst", "window", "rate"],
  `
local spare, calls, place = 0, ""
if call ~= "" then
  spare, calls = string.match(redis.call("GET", key) or "", "^(%d+)(.*)$")
  calls = calls or ""
  -- What was counted before takes nothing again.
  place = string.find(calls, call, 1, true)
  if place and units > 0 then units = 0 end
end
local debt = math.max(0, redis.call("PTTL", key) * rate - (tonumber(spare) or 0))
local full, after = burst * window, math.max(0, debt + units * window)
-- A block is a debt, too: with so much of it, the first unit fits when the block ends.
if block > 0 then after = full - window + block * rate end
local function write()
  local ttl = math.ceil(after / rate)
  if ttl == 0 then
    redis.call("DEL", key)
    return 0
  end
  calls = string.sub(cancels and string.sub(calls, #call + 1) or call .. calls, 1, 7)
  redis.call("SET", key, string.format("%d", ttl * rate - after) .. calls, "PX", string.format("%d", ttl))
  return ttl
end
-- Blocked or booked ahead, the debt is above what is full, and less than nothing is free.
return after > full and math.ceil((after - full) / rate) or 0, math.floor((full - debt) / window), math.ceil(debt / rate), place, write`,
);
