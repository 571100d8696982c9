import { serverTime } from "../../../script/fragments.lua.ts";

/**
 * The first lines of an algorithm that goes by the server's clock. The value is `blocked;id;id|state`: when a block ends, the ids of the
 * last four calls that were counted, the algorithm's own state. Nothing is admitted before `from`.
 */
export const timed = `
${serverTime}
local blocked, calls, state = string.match(redis.call("GET", key) or "", "^(%d*)([^|]*)|(.*)$")
calls = calls or ""
state = state or ""
-- What was counted before takes nothing again.
local place = string.find(calls, call, 1, true)
if place and units > 0 then units = 0 end
if block > 0 then blocked = string.format("%d", now + block) end
local from = math.max(now, tonumber(blocked) or 0)
-- Keeps a state while it matters: its units do until the time that is given as last, and a block until it ends.
local function save(text, last)
  local ttl = math.max(last, from, now + 1) - now
  calls = string.sub(cancels and string.sub(calls, #call + 1) or call .. calls, 1, 28)
  redis.call("SET", key, (blocked or "") .. calls .. "|" .. text, "PX", string.format("%d", ttl))
  return ttl
end
`;
