import { defineDecision } from "./decision.lua.ts";
import { splitUnits, timed } from "./timed.lua.ts";

/**
 * State: `keep most log`. The log has the time of every unit, six bytes each, oldest first, so that the first that counts is found by
 * halving. `keep` is the longest window and `most` the largest limit that the key was decided by: so long, and so many of them, units are
 * kept, in case that limit is asked again.
 */
export const decideSlidingLog = /* @__PURE__ */ defineDecision(
  ["limit", "window"],
  `
${timed("(%d+) (%d+) (.*)", "keep, most, log")}
log = log or ""
keep = math.max(tonumber(keep) or 0, window)
most = math.max(tonumber(most) or 0, limit)
local total = math.floor(#log / 6)
local function timeOf(unit)
  local a, b, c, d, e, f = string.byte(log, unit * 6 - 5, unit * 6)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end
-- The first unit that is not yet so old.
local function firstWithin(age)
  local first, high = 1, total + 1
  while first < high do
    local middle = math.floor((first + high) / 2)
    if timeOf(middle) + age <= now then
      first = middle + 1
    else
      high = middle
    end
  end
  return first
end
local first = firstWithin(window)
local used = total - first + 1
local last = used > 0 and timeOf(total) or 0
local free, reset, blocked = math.max(0, limit - used), math.max(last + window, from) - now, from > now or last > now
${splitUnits}
-- Nobody overtakes a unit that is booked ahead, and as many units must grow old as there would be too many.
local at, over = math.max(from, last), used + units - limit
if over > 0 and used > 0 then at = math.max(at, timeOf(math.min(first + over - 1, total)) + window) end
local function write()
  local kept, added = total, math.max(0, units)
  if cancels then
    -- From the newest, and nothing that has grown old already.
    kept = math.max(first - 1, total + units)
  end
  -- Units of a longer window stay as far as a limit can need them: behind the most that may pass nothing matters. Four calls can be
  -- cancelled one after the other.
  local oldest = math.max(keep > window and firstWithin(keep) or first, math.min(first, kept + added - most + 1), kept + added - 5 * most + 1)
  local text = string.sub(log, oldest * 6 - 5, kept * 6)
  if units < 0 and not cancels then
    -- From the oldest that counts, which would come back first.
    text = string.sub(log, oldest * 6 - 5, first * 6 - 6) .. string.sub(log, math.max(first - units, oldest) * 6 - 5)
  end
  if units > 0 then
    last = at
    if fullWindows > 0 then
      last = at + fullWindows * window
      text = ""
      added = limit
    end
    local stamp, time = "", last
    for _ = 1, 6 do
      stamp = string.char(time % 256) .. stamp
      time = math.floor(time / 256)
    end
    text = text .. string.rep(stamp, added)
  end
  return save(string.format("%d %d ", keep, most) .. text, last + window, keep - window)
end
return at - now, free, reset, place, write, blocked`,
);
