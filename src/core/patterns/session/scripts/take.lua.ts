import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { checkCodecName, countWrite, prelude, splitWrites, unlessForeign } from "./record.lua.ts";

// Reading and deleting are one script, so that only one of two parallel requests gets the value, such as a message to show once. The
// field "y" keeps the value that was taken last behind the 8 characters of its request, so that the same request, sent again, gets it
// again. Answers with a list of the value, or an empty one if there is none; nil if the session has ended.
export const takeScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "codec", "request", "name"],
  decode: unlessForeign(decodeTaken),
  lua: `${prelude}${checkCodecName}
if not alive then return false end
local last, value = unpack(redis.call("HMGET", session, "y", name))
if last and string.sub(last, 1, 8) == request then return {string.sub(last, 9)} end
if not value then return {} end
${splitWrites}
-- The colon before the name does not count, nor does the copy in "y".
bytes = bytes - (#name - 1) - #value
${countWrite}
redis.call("HDEL", session, name)
redis.call("HSET", session, "y", request .. value, "w", writes)
return {value}`,
});

function decodeTaken(reply: Reply): string[] | null {
  return reply === null ? null : texts(reply);
}
