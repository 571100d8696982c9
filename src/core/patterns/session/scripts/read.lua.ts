import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { indexLua, snapshotLua, wholeGuard } from "./record.lua.ts";
import { snapshot } from "../format.ts";

// Reading, checking and touching are one script, so that a touch cannot bring back what a logout ended between the two. A touch in
// the last millisecond may come too late and end the session.
export const readScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "touchEvery"],
  decode: snapshot,
  lua: `${wholeGuard}
if not alive then return false end
if now - h.t >= tonumber(touchEvery) then ${indexLua}
  local at = math.min(now + idle, tonumber(ends))
  h.t = ${digits("now")}
  redis.call("HSET", session, "t", h.t)
  redis.call("PEXPIREAT", session, ${digits("at")})
  if redis.call("EXISTS", session) == 0 then return false end
  if epoch ~= "-" then redis.call("ZREMRANGEBYSCORE", index, "-inf", ${digits("now")}) end
  enlist(at)
end
${snapshotLua}`,
});
