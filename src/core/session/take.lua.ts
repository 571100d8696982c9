import { texts } from "../reply.ts";
import type { Reply } from "../redis.ts";
import { defineScript } from "../script.ts";
import { guard } from "./guard.ts";

// Reading and deleting are one script, so that of two parallel requests one shows the message. What was taken last is kept under
// the name of its request: a replay gets it again.
export const takeScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "request", "name"],
  decode: taken,
  lua: `${guard}
if not alive() then return false end
local h = redis.call("HMGET", session, "y", "b", ":" .. name)
if h[1] and string.sub(h[1], 1, 8) == request then return {string.sub(h[1], 9)} end
if not h[3] then return {} end
redis.call("HDEL", session, ":" .. name)
redis.call("HSET", session, "y", request .. h[3], "b", text(h[2] - #name - #h[3]))
redis.call("HINCRBY", session, "v", 1)
return {h[3]}`,
});

function taken(reply: Reply): string[] | null {
  return reply === null ? null : texts(reply);
}
