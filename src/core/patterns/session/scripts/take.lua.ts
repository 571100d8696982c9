import { texts } from "../../../port/reply.ts";
import type { Reply } from "../../../port/redis.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { guard } from "./record.lua.ts";

// Reading and deleting are one script, so that of two parallel requests one shows the message. What was taken last is kept under
// the name of its request: a replay gets it again.
export const takeScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "request", "name"],
  decode: taken,
  lua: `${guard}
if not alive then return false end
local f = redis.call("HMGET", session, "y", ":" .. name)
if f[1] and string.sub(f[1], 1, 8) == request then return {string.sub(f[1], 9)} end
if not f[2] then return {} end
local version, bytes, writes = string.match(h.w, "^(%d+) (%d+) (.*)$")
redis.call("HDEL", session, ":" .. name)
redis.call("HSET", session, "y", request .. f[2],
  "w", ${digits("version + 1")} .. " " .. ${digits("bytes - #name - #f[2]")} .. " " .. writes)
return {f[2]}`,
});

function taken(reply: Reply): string[] | null {
  return reply === null ? null : texts(reply);
}
