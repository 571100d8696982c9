import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { defineDecision } from "./decision.lua.ts";

/**
 * A sorted set of held units by the time at which their lease ends. A unit's name is its holder's, so that a late release frees
 * nobody else's, and taking it again under the same name renews it. A block is one unit more than there are.
 */
export const decideConcurrency = /* @__PURE__ */ defineDecision(
  ["limit", "lease"],
  `
-- A release needs nothing but the names, and returns how many of the units were still held.
if cancels then
  local function release()
    local freed = 0
    for i = 1, -units do freed = freed + redis.call("ZREM", key, call .. ":" .. i) end
    return freed
  end
  return 0, 0, 0, 1, release
end
if units < 0 then error("units that are held are released, not refunded") end
${serverTime}
redis.call("ZREMRANGEBYSCORE", key, "-inf", ${digits("now")})
local used = redis.call("ZCARD", key)
local ttl = math.max(0, redis.call("PTTL", key))
-- As many leases must end as there would be too many, unless the holder has its units and renews them.
local over, wait = used + units - limit, 0
if over > 0 and units > 0 and not redis.call("ZSCORE", key, call .. ":1") then
  local entry = redis.call("ZRANGE", key, over - 1, over - 1, "WITHSCORES")
  wait = math.max(1, (tonumber(entry[2]) or now) - now)
end
local function write()
  local name, count, length = call .. ":", units, lease
  if block > 0 then
    -- With a unit more than there are, less than nothing is free.
    name, count, length = "!", limit + 1, block
  end
  for i = 1, count do redis.call("ZADD", key, ${digits("now + length")}, name .. i) end
  length = math.max(length, ttl)
  redis.call("PEXPIRE", key, ${digits("length")})
  return length
end
return wait, limit - used, ttl, false, write`,
);
