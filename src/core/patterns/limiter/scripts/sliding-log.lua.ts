import { defineDecision } from "./decision.lua.ts";
import { timed } from "./timed.lua.ts";

/** State: the time of every unit, six bytes each, oldest first, so that the first that counts is found by halving. */
export const decideSlidingLog = /* @__PURE__ */ defineDecision(
  ["limit", "window"],
  `
${timed}
local function timeOf(unit)
  local time = 0
  for i = unit * 6 - 5, unit * 6 do time = time * 256 + string.byte(state, i) end
  return time
end
-- The first unit that is not yet a window old.
local total = math.floor(#state / 6)
local first, high = 1, total + 1
while first < high do
  local middle = math.floor((first + high) / 2)
  if timeOf(middle) + window <= now then
    first = middle + 1
  else
    high = middle
  end
end
local used = total - first + 1
local last = used > 0 and timeOf(total) or 0
-- Nobody overtakes a unit that is booked ahead, and as many units must grow old as there would be too many.
local at, over = math.max(from, last), used + units - limit
if over > 0 and used > 0 then at = math.max(at, timeOf(math.min(first + over - 1, total)) + window) end
local function write()
  local kept = total
  if cancels then
    -- From the newest, and nothing that has grown old already.
    kept = math.max(first - 1, total + units)
  elseif units < 0 then
    -- From the oldest, which would come back first.
    first = math.min(first - units, total + 1)
  end
  local log, stamp = string.sub(state, first * 6 - 5, kept * 6), ""
  if units > 0 then
    local time = at
    for _ = 1, 6 do
      stamp = string.char(time % 256) .. stamp
      time = math.floor(time / 256)
    end
    last = at
  end
  return save(log .. string.rep(stamp, units), last + window)
end
return at - now, limit - used, math.max(last + window, from) - now, place, write, from > now`,
);
