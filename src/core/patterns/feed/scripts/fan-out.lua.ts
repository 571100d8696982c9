import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { appendItem, keepAlive, keepFeed } from "./append.lua.ts";

// An event is added once: the feed remembers it for as long as it remembers an item, not for a minute as a single request. So a run that was
// killed may begin anew a day later. The score is a counter: of two events of one millisecond, the older is forgotten first, too.
export const fanOutScript = defineScript({
  keys: ["items", "trimmed", "readers", "events"],
  args: ["event", "item", "length", "ttl"],
  decode: integer,
  lua: `
if redis.call("ZSCORE", events, event) then
  return 0
end
${keepAlive}
${appendItem}
local last = redis.call("ZRANGE", events, -1, -1, "WITHSCORES")
redis.call("ZADD", events, ${digits("(last[2] or 0) + 1")}, event)
redis.call("ZREMRANGEBYRANK", events, 0, -1 - length)
${keepFeed}
return 1`,
});
