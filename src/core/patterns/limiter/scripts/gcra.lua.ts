import { decision } from "./decision.lua.ts";

/**
 * No clock: the key's own TTL is the time until everything is free. A unit weighs `window` and every millisecond takes `rate` off
 * the debt, in whole numbers; `spare` is what the TTL, a whole number of milliseconds, is too long by. Without a request id and
 * with whole intervals the spare is 0 and the value need not be read.
 */
export const decideGcra = /* @__PURE__ */ decision(`local burst,window,rate=a,b,c
local spare,ids=string.match(id~="" and redis.call("GET",key) or "","^(%d+)(.*)$")
ids=ids or ""
local again=id~="" and string.find(ids,id,1,true)
if again and cost>0 then cost=0 end
local debt=math.max(0,redis.call("PTTL",key)*rate-(tonumber(spare) or 0))
local full,after=burst*window,math.max(0,debt+cost*window)
if hold>0 then after=full-window+hold*rate end
return math.max(0,math.ceil((after-full)/rate)),math.floor((full-debt)/window),math.ceil(debt/rate),again,function()
local ttl=math.ceil(after/rate)
if ttl==0 then redis.call("DEL",key) return 0 end
ids=string.sub(hold<0 and string.sub(ids,#id+1) or id..ids,1,7)
redis.call("SET",key,string.format("%d",ttl*rate-after)..ids,"PX",string.format("%d",ttl))
return ttl
end`);
