import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, nextEpoch } from "../../../script/fragments.lua.ts";
import { guard, indexLua, stampLua } from "./record.lua.ts";

// One new epoch ends every session of the user, however many there are; the one to keep is restamped in the same script. `request`
// makes a replay change nothing, so that it cannot end a session that began after the first execution.
export const revokeAllScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "request"],
  decode: flag,
  lua: `${guard}${indexLua}${stampLua}
local u = redis.call("HMGET", user, "e", "r")
if not u[1] or u[2] == request then return alive and 1 or 0 end
epoch = ${digits(nextEpoch("u[1]"))}
redis.call("HSET", user, "e", epoch, "r", request)
redis.call("UNLINK", index)
if not alive then return 0 end
stamp(current, epoch, generation, number, ends, idle, about)
enlist(now + redis.call("PTTL", session))
return 1`,
});
