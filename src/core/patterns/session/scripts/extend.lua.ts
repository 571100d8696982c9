import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { headText, noEpoch } from "../format/head.ts";
import { checkCodecName, enlist, keepUntil, prelude, unlessForeign } from "./record.lua.ts";

// Moving the end is conditional on the session being alive, so that it cannot bring back what a logout ended. Answers with the new end,
// or 0 if the session has ended.
export const extendScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "codec", "ttl"],
  decode: unlessForeign(integer),
  lua: `${prelude}${checkCodecName}
if not alive then return 0 end
local endsAt = now + ttl
local expiresAt = math.min(now + idle, endsAt)
head = ${headText({ digest: "current", ends: digits("endsAt") }, "rotatedAt", "rest")}
redis.call("HSET", session, "m", head, "t", ${digits("now")})
redis.call("PEXPIREAT", session, ${digits("expiresAt")})
${keepUntil("bucket", "endsAt")}
if epoch ~= "${noEpoch}" then
  ${enlist}
  ${keepUntil("user", "endsAt")}
end
return endsAt`,
});
