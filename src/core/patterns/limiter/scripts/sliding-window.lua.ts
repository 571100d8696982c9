import { defineDecision } from "./decision.lua.ts";
import { splitUnits, timed } from "./timed.lua.ts";

/**
 * State: `window base before tick count used records`. A record is one sub-bucket that is closed: two bytes for the ticks since the record
 * before, one byte for its count, or 255 and three bytes. Its time is that of its last unit, rounded up, so that no unit is forgotten too
 * early. The open sub-bucket is `tick`, its time, and `count`; `used` is the sum of all. `base` is the time before the first record, and
 * `before` that of the newest one; `before` and `tick` are counted from `base`. So the usual decision reads the first record alone. A
 * tick is a step of time, so long that two bytes can count the ticks of the window; as a power of two it is in the ticks of any longer
 * window.
 */
export const decideSlidingWindow = /* @__PURE__ */ defineDecision(
  ["limit", "window", "width"],
  `
${timed("(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (.*)", "stored, base, before, tick, count, used, records")}
local function stepOf(window)
  if window <= 65535 then return 1 end
  local _, exponent = math.frexp(window / 65535)
  return 2 ^ exponent
end
local step = stepOf(window)
base, count, used, records = tonumber(base) or 0, tonumber(count) or 0, tonumber(used) or 0, records or ""
before, tick = base + (before or 0), base + (tick or 0)
-- The ticks, the count and the length of the record at this byte.
local function read(i)
  local a, b, c, d, e, f = string.byte(records, i, i + 5)
  if c < 255 then return a * 256 + b, c, 3 end
  return a * 256 + b, d * 65536 + e * 256 + f, 6
end
local function record(ticks, count)
  if count < 255 then return string.char(math.floor(ticks / 256), ticks % 256, count) end
  return string.char(math.floor(ticks / 256), ticks % 256, 255, math.floor(count / 65536), math.floor(count / 256) % 256, count % 256)
end
local i = 1
if stored and stored ~= text2 and stepOf(tonumber(stored)) ~= step then
  -- The records of another window have other ticks. Each still counts by its last unit.
  local oldStep, parts, time = stepOf(tonumber(stored)), {}, base
  local ratio, latest = oldStep / step, math.huge
  -- What was rounded up is not later than it was written, if it is not booked ahead.
  if (tick - 1) * oldStep < tonumber(written) then latest = math.ceil(written / step) end
  base = math.min(latest, math.ceil(base * ratio))
  used, before = count, base
  while i <= #records do
    local ticks, number, length = read(i)
    i = i + length
    time = time + ticks
    local at = math.min(latest, math.ceil(time * ratio))
    if at - before > 65535 then
      -- What is before so long a pause has grown old.
      base, before, used, parts = at, at, count, {}
    end
    parts[#parts + 1] = record(at - before, number)
    used = used + number
    before = at
  end
  i = 1
  records = table.concat(parts)
  tick = math.min(latest, math.ceil(tick * ratio))
  if tick - before > 65535 then base, before, used, records = tick, tick, count, "" end
end
-- Records that are a window old are forgotten.
while i <= #records do
  local ticks, number, length = read(i)
  if (base + ticks) * step + window > now then break end
  base = base + ticks
  used = used - number
  i = i + length
end
if tick * step + window <= now then used = 0 end
local newest = (tick - 1) * step + 1
local free, reset = math.max(0, limit - used), math.max(used > 0 and tick * step + window or 0, from) - now
local blocked = from > now or used > 0 and newest > now
${splitUnits}
-- So many of the oldest records must be a window old that nothing is over.
local at, over = from, used + units - limit
if over > 0 then
  local k, time = i, base
  while over > 0 and k <= #records do
    local ticks, number, length = read(k)
    k = k + length
    time = time + ticks
    over = over - number
    at = math.max(at, time * step + window)
  end
  if over > 0 and used > 0 then at = math.max(at, tick * step + window) end
end
-- Nobody overtakes a unit that is booked ahead.
if used > 0 then at = math.max(at, newest) end
local function write()
  local text = string.sub(records, i)
  if cancels then
    units = math.max(units, -count)
    count = count + units
    used = used + units
    local k, last, ticks, number, length = i
    while count == 0 and k <= #records do
      last = k
      ticks, number, length = read(k)
      k = k + length
    end
    if last then
      -- Nothing is left of it, so that the record before is the open one.
      text = string.sub(records, i, last - 1)
      count = number
      tick = before
      before = before - ticks
    end
  elseif units < 0 then
    -- From the oldest, which would come back first.
    local left = math.min(-units, used)
    used = used - left
    local part = ""
    while left > 0 and i <= #records do
      local ticks, number, length = read(i)
      i = i + length
      if number > left then
        part = record(ticks, number - left)
        left = 0
      else
        base = base + ticks
        left = left - number
      end
    end
    count = count - left
    text = part .. string.sub(records, i)
  elseif units > 0 then
    local last = math.max(tick, math.ceil(at / step))
    if fullWindows > 0 then
      used = 0
      units = limit
      last = math.ceil((at + fullWindows * window) / step)
    elseif math.floor(last * step / width) == math.floor(tick * step / width) and last - before < 65536 then
      -- The open sub-bucket goes on, and its time is that of its last unit.
      count = count + units
    else
      if count > 0 then text = text .. record(tick - before, count) end
      before = tick
      count = units
    end
    tick = last
    if used == 0 or tick - before > 65535 then
      base, before, count, used, text = tick, tick, units, 0, ""
    end
    used = used + units
  end
  return save(string.format("%s %d %d %d %d %d ", text2, base, before - base, tick - base, count, used) .. text, tick * step + window, 0)
end
return at - now, free, reset, place, write, blocked`,
);
