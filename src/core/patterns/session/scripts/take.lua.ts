import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { countWrite, prelude, takeWritesApart } from "./record.lua.ts";

// Reading and deleting are one script, so that of two parallel requests one shows the message. The value that was taken last is kept
// with its request, so that a replay gets it again.
// Answers with a list of the value, or an empty one if there is none; nil if the session has ended.
export const takeScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "request", "name"],
  decode: decodeTaken,
  lua: `${prelude}
if not alive then return false end
local last, value = unpack(redis.call("HMGET", session, "y", name))
if last and string.sub(last, 1, 8) == request then return {string.sub(last, 9)} end
if not value then return {} end
${takeWritesApart}
-- The colon before the name does not count.
bytes = bytes - (#name - 1) - #value
${countWrite}
redis.call("HDEL", session, name)
redis.call("HSET", session, "y", request .. value, "w", writes)
return {value}`,
});

function decodeTaken(reply: Reply): string[] | null {
  return reply === null ? null : texts(reply);
}
