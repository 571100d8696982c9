import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { decision } from "./decision.lua.ts";

/**
 * A sorted set of held units by the time at which their lease ends. A unit's name is its holder's, so that a late release frees
 * nobody else's, and taking it again under the same name renews it. A block is one unit more than there are.
 */
export const decideConcurrency = /* @__PURE__ */ decision(`local limit,lease=a,b
if hold<0 then return 0,0,0,1,function()
local freed=0
for i=1,-cost do freed=freed+redis.call("ZREM",key,id..":"..i) end
return freed
end end
if cost<0 then error("units that are held are released, not refunded") end
${serverTime}redis.call("ZREMRANGEBYSCORE",key,"-inf",${digits("now")})
local used=redis.call("ZCARD",key)
local ttl=math.max(0,redis.call("PTTL",key))
local over,wait=used+cost-limit,0
if over>0 and cost>0 and not redis.call("ZSCORE",key,id..":1") then
local entry=redis.call("ZRANGE",key,over-1,over-1,"WITHSCORES")
wait=math.max(1,(tonumber(entry[2]) or now)-now)
end
return wait,limit-used,ttl,false,function()
local name,count,length=id..":",cost,lease
if hold>0 then name,count,length="!",limit+1,hold end
for i=1,count do redis.call("ZADD",key,${digits("now+length")},name..i) end
length=math.max(length,ttl)
redis.call("PEXPIRE",key,${digits("length")})
return length
end`);
