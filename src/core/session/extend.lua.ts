import { integer } from "../reply.ts";
import { defineScript } from "../script.ts";
import { guard } from "./guard.ts";

// What proves the session alive must live as long as it does, so that its epoch and generation are extended with it.
export const extendScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "sid", "ttl"],
  decode: integer,
  lua: `${guard}
if not alive() then return 0 end
local ends = now + ttl
local at = math.min(now + m[8], ends)
redis.call("HSET", session, "a", text(ends), "t", text(now))
redis.call("PEXPIREAT", session, text(at))
keep(bucket, ends)
if m[4] ~= "" then
  redis.call("ZADD", index, text(at), m[6] .. ":" .. sid)
  keep(index, at)
  keep(user, ends)
end
return ends`,
});
