import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

// A new generation ends every session of the bucket. A bucket that has seen this request is left alone: whoever logged in since
// may stay, and a run that was interrupted can be run again.
export const generationScript = defineScript({
  keys: ["bucket"],
  args: ["request", "ttl"],
  decode: flag,
  lua: `
local b = redis.call("HMGET", bucket, "e", "r")
if b[2] == request then return 0 end
local clock = redis.call("TIME")
local epoch = math.max((b[1] or 0) + 1, clock[1] * 1000000 + clock[2])
redis.call("HSET", bucket, "e", string.format("%.0f", epoch), "r", request)
if redis.call("PTTL", bucket) < tonumber(ttl) then redis.call("PEXPIRE", bucket, ttl) end
return 1`,
});
