import { serverTime } from "../../../script/fragments.lua.ts";
import { findAgain } from "./decision.lua.ts";

/**
 * The first lines of an algorithm that goes by the server's clock. The value is `blocked;id;id|state`: when a block ends, the last four
 * request ids that were counted, the algorithm's own state. Nothing is admitted before `from`.
 */
export const clocked = `${serverTime}local blocked,ids,state=string.match(redis.call("GET",key) or "","^(%d*)([^|]*)|(.*)$")
blocked=tonumber(blocked) or 0
state=state or ""
${findAgain}if hold>0 then blocked=now+hold end
local from=math.max(now,blocked)
local function save(text,last)
last=math.max(last,blocked)-now
ids=string.sub(hold<0 and string.sub(ids,#id+1) or id..ids,1,28)
redis.call("SET",key,(blocked>0 and string.format("%d",blocked) or "")..ids.."|"..text,"PX",string.format("%d",last))
return last
end
`;
