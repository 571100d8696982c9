import { defineDecision } from "./decision.lua.ts";
import { timed } from "./timed.lua.ts";

/**
 * State: `tick credit records`. A record is one sub-bucket: two bytes for the ticks since the record before, one byte for its count,
 * or 255 and three bytes. A record's time is that of its last unit, rounded up, so that no unit is forgotten too early. `credit` units
 * were given back and count against the oldest records.
 */
export const decideSlidingWindow = /* @__PURE__ */ defineDecision(
  ["limit", "window", "width"],
  `
${timed}
-- A tick is a step of time, so long that two bytes can count the ticks of a window.
local step = math.ceil(window / 65535)
local base, credit, records = string.match(state, "^(%d+) (%d+) (.*)$")
base, credit, records = tonumber(base) or 0, tonumber(credit) or 0, records or ""
-- Of the newest record: where it begins, its tick, how many ticks after the one before it is, its count.
local newest, tick, ticks, count = 1, base, 0, 0
-- Of the records that are not a window old: where the first begins, the sum of their counts, when each will be, its count.
local first, used, ends, counts = 1, 0, {}, {}
local i = 1
while i <= #records do
  local a, b, c, d, e, f = string.byte(records, i, i + 5)
  newest = i
  ticks = a * 256 + b
  tick = tick + ticks
  count = c
  i = i + 3
  if c == 255 then
    count = d * 65536 + e * 256 + f
    i = i + 3
  end
  if tick * step + window <= now then
    -- It is forgotten, and first of all what was given back of it.
    base = tick
    first = i
    credit = math.max(0, credit - count)
  else
    used = used + count
    ends[#ends + 1] = tick * step + window
    counts[#counts + 1] = count
  end
end
-- So many of the oldest records must be a window old that nothing is over.
local at, over = from, used + units - limit
if over > credit then
  for k = 1, #ends do
    if over > 0 then at = math.max(at, ends[k]) end
    over = over - counts[k]
  end
end
-- Nobody overtakes a unit that is booked ahead.
if used > 0 then at = math.max(at, (tick - 1) * step + 1) end
local function record(ticks, count)
  local text = string.char(math.floor(ticks / 256), ticks % 256)
  if count < 255 then return text .. string.char(count) end
  return text .. string.char(255, math.floor(count / 65536), math.floor(count / 256) % 256, count % 256)
end
local function write()
  local last, text = tick, string.sub(records, first)
  if cancels then
    -- From the newest record, which is gone if nothing is left in it.
    last = tick - ticks
    text = string.sub(records, first, newest - 1)
    if count + units > 0 then
      last = tick
      text = text .. record(ticks, count + units)
    end
  elseif units < 0 then
    credit = math.min(used, credit - units)
  elseif units > 0 then
    last = math.max(tick, math.ceil(at / step))
    if used == 0 or last - tick > 65535 then
      base = last
      text = record(0, units)
    elseif math.floor(last * step / width) == math.floor(tick * step / width) and last - tick + ticks < 65536 then
      -- The newest sub-bucket goes on, and its time is that of its last unit.
      text = string.sub(records, first, newest - 1) .. record(last - tick + ticks, count + units)
    else
      text = text .. record(last - tick, units)
    end
  end
  return save(string.format("%d %d ", base, credit) .. text, last * step + window)
end
return at - now, limit - used + credit, math.max(used > credit and tick * step + window or 0, from) - now, place, write, from > now`,
);
