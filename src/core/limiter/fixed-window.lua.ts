import { decision } from "./algorithm.ts";
import { clocked } from "./clocked.ts";

/** State: the end of the last window in which units are counted, which lies ahead where some are booked, and their number. */
export const decideFixedWindow = /* @__PURE__ */ decision(`${clocked}local limit,window=a,b
local stop,used=string.match(state,"(%d+) (%d+)")
stop=tonumber(stop) or 0
used=tonumber(used) or 0
if stop<=from then stop=from+window used=0 end
local start=stop-window
local free,reset=limit-used,stop-now
if math.max(start,from)>now then free=-1 end
used=math.max(0,used+cost)
if used>limit then
start=stop
stop=stop+window
used=cost
elseif hold<0 and used==0 and start>now then
stop=start
used=limit
end
return math.max(start,from)-now,free,reset,again,function()
return save(string.format("%.0f %.0f",stop,used),stop)
end`);
