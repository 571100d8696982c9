import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, keepFor, nextEpoch, serverTime } from "../../../script/fragments.lua.ts";

// A new generation ends every session of the bucket. A bucket that has seen this request is left alone: whoever logged in since
// may stay, and a run that was interrupted can be run again.
export const generationScript = defineScript({
  keys: ["bucket"],
  args: ["request", "ttl"],
  decode: flag,
  lua: `
local b = redis.call("HMGET", bucket, "e", "r")
if b[2] == request then return 0 end
${serverTime}
redis.call("HSET", bucket, "e", ${digits(nextEpoch("(b[1] or 0)"))}, "r", request)
${keepFor("bucket", "ttl")}
return 1`,
});
