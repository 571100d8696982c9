import { decision } from "./decision.lua.ts";
import { clocked } from "./timed.lua.ts";

/**
 * State: `tick credit records`. A record is one sub-bucket: two bytes for the ticks since the record before, one byte for its count,
 * or 255 and three bytes. A record's time is that of its last unit, rounded up, so that no unit is forgotten too early. `credit` units
 * were given back and count against the oldest records.
 */
export const decideSlidingWindow = /* @__PURE__ */ decision(`${clocked}local limit,window,width=a,b,c
local unit=math.ceil(window/65535)
local base,credit,records=string.match(state,"^(%d+) (%d+) (.*)$")
base=tonumber(base) or 0
credit=tonumber(credit) or 0
records=records or ""
local tick,before,mark,count,first,sum,times,counts=base,base,1,0,1,0,{},{}
local i=1
while i<=#records do
local d,e,f,x,y,z=string.byte(records,i,i+5)
before=tick
mark=i
tick=tick+d*256+e
i=i+3
if f==255 then f=x*65536+y*256+z i=i+3 end
count=f
if tick*unit+window<=now then
base=tick
first=i
credit=math.max(0,credit-f)
else
sum=sum+f
times[#times+1]=tick*unit+window
counts[#counts+1]=f
end
end
local at,over=from,sum+cost-limit
if over>credit then
for k=1,#times do
if over>0 then at=math.max(at,times[k]) end
over=over-counts[k]
end
end
if sum>0 then at=math.max(at,(tick-1)*unit+1) end
local free,reset=limit-sum+credit,sum>credit and tick*unit+window-now or 0
if from>now then free=-1 end
local function record(ticks,n)
local long=n>254
return string.char(math.floor(ticks/256),ticks%256,long and 255 or n)..(long and string.char(math.floor(n/65536),math.floor(n/256)%256,n%256) or "")
end
return at-now,free,math.max(reset,from-now),again,function()
local t,kept=tick,string.sub(records,first)
if hold<0 and cost<0 then
t=before
kept=string.sub(records,first,mark-1)
if count+cost>0 then
t=tick
kept=kept..record(tick-before,count+cost)
end
elseif cost<0 then
credit=math.min(sum,credit-cost)
elseif cost>0 then
t=math.max(tick,math.ceil(at/unit))
if sum==0 or t-tick>65535 then
base=t
kept=record(0,cost)
elseif math.floor(t*unit/width)==math.floor(tick*unit/width) and t-before<65536 then
kept=string.sub(records,first,mark-1)..record(t-before,count+cost)
else
kept=kept..record(t-tick,cost)
end
end
return save(string.format("%d %d ",base,credit)..kept,math.max(t*unit+window,now+1))
end`);
