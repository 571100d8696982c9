import { decision } from "./decision.lua.ts";
import { clocked } from "./timed.lua.ts";

/** State: the time of every unit, six bytes each, oldest first, so that the first that counts is found by halving. */
export const decideSlidingLog = /* @__PURE__ */ decision(`${clocked}local limit,window=a,b
local function stamp(i)
local n=0
for k=i*6-5,i*6 do n=n*256+string.byte(state,k) end
return n
end
local total=math.floor(#state/6)
local first,high=1,total+1
while first<high do
local middle=math.floor((first+high)/2)
if stamp(middle)+window<=now then first=middle+1 else high=middle end
end
local used=total-first+1
local last=used>0 and stamp(total) or 0
local at,over=math.max(from,last),used+cost-limit
if over>0 and used>0 then at=math.max(at,stamp(math.min(first+over-1,total))+window) end
local free=limit-used
if from>now then free=-1 end
return at-now,free,math.max(last+window,from)-now,again,function()
local keep=total
if hold<0 then keep=math.max(first-1,total+cost) elseif cost<0 then first=math.min(first-cost,total+1) end
local kept,text=string.sub(state,first*6-5,keep*6),""
if cost>0 then
local n=at
for _=1,6 do
text=string.char(n%256)..text
n=math.floor(n/256)
end
last=at
end
return save(kept..string.rep(text,cost),math.max(last+window,now+1))
end`);
