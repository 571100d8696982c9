import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { noEpoch } from "../format/head.ts";
import { decodeSnapshot } from "../format/snapshot.ts";
import { checkCodecName, dataPrelude, enlist, returnSnapshot, unlessForeign } from "./record.lua.ts";

// Reading, checking and touching are one script, so that a touch cannot bring back what a logout ended between the two.
export const readScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "codec", "touchEvery"],
  decode: unlessForeign(decodeSnapshot),
  lua: `${dataPrelude}${checkCodecName}
if not alive then return false end
if now - record.t >= tonumber(touchEvery) then
  local expiresAt = math.min(now + idle, tonumber(ends))
  record.t = ${digits("now")}
  redis.call("HSET", session, "t", record.t)
  redis.call("PEXPIREAT", session, ${digits("expiresAt")})
  -- In the last millisecond the touch comes too late and ends the session.
  if redis.call("EXISTS", session) == 0 then return false end
  if epoch ~= "${noEpoch}" then
    redis.call("ZREMRANGEBYSCORE", index, "-inf", ${digits("now")})
    ${enlist}
  end
end
${returnSnapshot}`,
});
