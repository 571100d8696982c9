import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { guard, stampLua } from "./record.lua.ts";

// The record stays in place and changes its digest, so that no copy of it can diverge and requests in flight, which hold the old
// token, keep reading and writing the one record until the grace ends. 2: another request has just rotated it; nothing changed.
export const rotateScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "fresh", "grace"],
  decode: integer,
  lua: `${guard}${stampLua}
if current == fresh then return 1 end
if not alive then return 0 end
if current ~= digest then return 2 end
stamp(fresh, epoch, generation, number, ends, idle, ${digits("now")}, string.match(about, " (.+)"))
redis.call("HSET", session, "p", digest .. " " .. ${digits("now + grace")})
return 1`,
});
