import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, nextEpoch } from "../../../script/fragments.lua.ts";
import { headText } from "../format/head.ts";
import { enlist, prelude } from "./record.lua.ts";

// One new epoch ends every session of the user, however many there are; the one to keep gets it too, in the same script. `request`
// makes a replay change nothing, so that it cannot end a session that began after the first execution. Answers 1 if the one to keep
// is alive.
export const revokeAllScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "request"],
  decode: flag,
  lua: `${prelude}
local owner = redis.call("HMGET", user, "e", "r")
if not owner[1] or owner[2] == request then return alive and 1 or 0 end
epoch = ${digits(nextEpoch("owner[1]"))}
redis.call("HSET", user, "e", epoch, "r", request)
redis.call("UNLINK", index)
if not alive then return 0 end
redis.call("HSET", session, "m", ${headText({ digest: "current" }, "rotatedAt", "rest")})
local expiresAt = now + redis.call("PTTL", session)
${enlist}
return 1`,
});
