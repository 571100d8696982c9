import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { guard, indexLua, stampLua } from "./record.lua.ts";

// What proves the session alive must live as long as it does, so that its epoch and generation are extended with it.
export const extendScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "ttl"],
  decode: integer,
  lua: `${guard}${indexLua}${stampLua}
if not alive then return 0 end
local last = now + ttl
local at = math.min(now + idle, last)
stamp(current, epoch, generation, number, ${digits("last")}, idle, about)
redis.call("HSET", session, "t", ${digits("now")})
redis.call("PEXPIREAT", session, ${digits("at")})
keep(bucket, last)
enlist(at)
if epoch ~= "-" then keep(user, last) end
return last`,
});
