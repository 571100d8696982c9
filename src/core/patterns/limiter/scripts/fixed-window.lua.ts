import { decision, findAgain } from "./decision.lua.ts";

/**
 * No clock: the key's own TTL is the time until the last window ends in which units are counted, which lies ahead where some are
 * booked. State: the number of these units and the last four request ids; and where the id is blocked, how long before this window
 * the block ends. Behind a long block an empty window begins, which another block moves.
 */
export const decideFixedWindow = /* @__PURE__ */ decision(`local limit,window=a,b
local ttl=redis.call("PTTL",key)
local used,ids,open=string.match(redis.call("GET",key) or "","^(%d+)([^|]*)|?(%d*)$")
used=tonumber(used) or 0
${findAgain}local from,stop=0,ttl
if tonumber(open) then from=math.max(0,ttl-open) end
if hold>0 then from=hold end
if stop<=from or hold>0 and used==0 then stop=from+window used=0 end
local start=stop-window
local free,reset=limit-used,stop
if from>0 or start>0 then free=-1 end
used=math.max(0,used+cost)
if used>limit then
start=stop
stop=stop+window
used=cost
elseif hold<0 and used==0 and start>0 then
stop=start
used=limit
end
return math.max(start,from),free,reset,again,function()
local text=string.format("%d",used)..string.sub(hold<0 and string.sub(ids,#id+1) or id..ids,1,28)
if from>0 then text=string.format("%s|%d",text,stop-from) end
if stop==ttl then redis.call("SET",key,text,"KEEPTTL")
else redis.call("SET",key,text,"PX",string.format("%d",stop)) end
return stop
end`);
