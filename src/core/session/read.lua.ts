import { defineScript } from "../script.ts";
import { guard, snapshotLua } from "./guard.ts";
import { snapshot } from "./snapshot.ts";

// Reading, checking and touching are one script, so that a touch cannot bring back what a logout ended between the two.
export const readScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "sid", "touchEvery"],
  decode: snapshot,
  lua: `${guard}${snapshotLua}
if not alive() then return false end
if now - m[9] >= tonumber(touchEvery) then
  local at = math.min(now + m[8], tonumber(m[7]))
  redis.call("HSET", session, "t", text(now))
  redis.call("PEXPIREAT", session, text(at))
  if m[4] ~= "" then
    redis.call("ZREMRANGEBYSCORE", index, "-inf", text(now))
    redis.call("ZADD", index, text(at), m[6] .. ":" .. sid)
    keep(index, at)
  end
end
return snapshot()`,
});
