import { digits, serverTime } from "../../../script/fragments.lua.ts";

/**
 * The first lines of an algorithm that goes by the server's clock. The value is `blocked;id;id|written shift state`: when a block ends, the
 * ids of the last four calls that were counted, the time of the last write, by how much the server's clock was set back since the key
 * was made, and the algorithm's own state. Nothing is admitted before `from`.
 * @param state The pattern of the state, and the names of its captures.
 */
export function timed(state: string, names: string): string {
  return `
${serverTime}
local value = redis.call("GET", key) or ""
local blocked, calls, written, shift, ${names} = string.match(value, "^(%d*)([^|]*)|(%d+) (%d+) ${state}$")
calls = calls or ""
shift = tonumber(shift) or 0
now = now + shift
if written and now < tonumber(written) then
  -- The server's clock was set back. What is stored goes by a clock that never is, or a unit would count for longer than its window.
  shift = shift + written - now
  now = tonumber(written)
  value = string.gsub(value, "^([^|]*|%d+) %d+", "%1 " .. ${digits("shift")}, 1)
  redis.call("SET", key, value, "KEEPTTL")
end
-- What was counted before takes nothing again.
local place = string.find(calls, call, 1, true)
if place and units > 0 then units = 0 end
local from = now
if block > 0 then
  from = now + block
elseif blocked and blocked ~= "" then
  from = math.max(now, tonumber(blocked))
end
-- Keeps a state while it matters: its units do until the time that is given as last, and a block until it ends. Another limit may need
-- them for longer.
local function save(text, last, longer)
  calls = string.sub(cancels and string.sub(calls, #call + 1) or call .. calls, 1, 28)
  local head = string.format("%s|%d %d ", calls, now, shift)
  if from > now then head = string.format("%.0f", from) .. head end
  redis.call("SET", key, head .. text, "PX", string.format("%d", math.max(last + longer, from, now + 1) - now))
  return math.max(last, from, now + 1) - now
end
`;
}

/**
 * The units of one call may be more than the limit, where the true cost was far above the estimate. Then the first of them are taken as
 * those of any other call, and behind them so many windows are filled.
 */
export const splitUnits = `
local fullWindows = 0
if units > limit then
  fullWindows = math.min(math.ceil(units / limit) - 1, math.floor(2 ^ 47 / window))
  units = math.min(units - fullWindows * limit, limit)
end
`;
