import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { defineDecision } from "./decision.lua.ts";

/** The beginning of the name of a holder that chose the name itself and may ask again under it. */
export const namedHolder = "#";

/** The `hold` of a demand that gives up a claim which may not have arrived yet. One of -1 gives back what was granted. */
export const givesUp = -2;

/**
 * A sorted set of held units by the time at which their lease ends. A unit's name is its holder's, so that a late release frees
 * nobody else's, and taking it again under the same name renews it. A block is one unit more than there are.
 *
 * A unit that was given back stays for a minute, at the negative of the time at which it is forgotten: the same release, sent again, gets
 * the same answer, and a claim that arrives after its release takes nothing.
 */
export const decideConcurrency = /* @__PURE__ */ defineDecision(
  ["limit", "lease"],
  `
${serverTime}
-- A release needs nothing but the names, and returns how many of the units it gave back.
if cancels then
  local function release()
    local freed, forget = 0, ${digits("-(now + 60000)")}
    for i = 1, -units do
      local name = call .. ":" .. i
      if block == ${givesUp} then
        redis.call("ZADD", key, forget, name)
      elseif redis.call("ZADD", key, "XX", "CH", forget, name) == 1 or redis.call("ZSCORE", key, name) then
        freed = freed + 1
      end
    end
    if block == ${givesUp} and redis.call("PTTL", key) < 60000 then redis.call("PEXPIRE", key, 60000) end
    return freed
  end
  return 0, 0, 0, 1, release
end
if units < 0 then error("units that are held are released, not refunded") end
redis.call("ZREMRANGEBYSCORE", key, ${digits("-now")}, ${digits("now")})
local used = redis.call("ZCOUNT", key, 0, "+inf")
local ttl = math.max(0, redis.call("PTTL", key))
local reset = used > 0 and ttl or 0
local over, wait, own = used + units - limit, 0, nil
if units > 0 and (over > 0 or string.sub(call, 1, 1) == "${namedHolder}") then
  own = tonumber(redis.call("ZSCORE", key, call .. ":" .. units) or nil)
end
if own and own < 0 then
  -- What was given back is not taken again under the same name.
  return math.max(1, -own - now), limit - used, reset, false, nil, true
end
-- As many leases must end as there would be too many, unless the holder has its units and renews them.
if own then
  used = used - units
elseif over > 0 and units > 0 then
  local entry = redis.call("ZRANGE", key, over - 1 - used, over - 1 - used, "WITHSCORES")
  wait = math.max(1, (tonumber(entry[2]) or now) - now)
end
local function write()
  local name, count, length = call .. ":", units, lease
  if block > 0 then
    -- With a unit more than there are, less than nothing is free.
    name, count, length = "!", limit + 1, block
  end
  local ends = ${digits("now + length")}
  for i = 1, count do
    -- A unit of this name is held, and renewed, or it was given back, and is not taken.
    if redis.call("ZADD", key, "NX", ends, name .. i) == 0 and tonumber(redis.call("ZSCORE", key, name .. i)) > 0 then
      redis.call("ZADD", key, ends, name .. i)
    end
  end
  redis.call("PEXPIRE", key, ${digits("math.max(length, ttl)")})
  return math.max(length, reset)
end
return wait, limit - used, reset, false, write`,
);
