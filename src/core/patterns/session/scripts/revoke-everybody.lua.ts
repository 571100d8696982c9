import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, keepFor, nextEpoch, serverTime } from "../../../script/fragments.lua.ts";

// A new generation ends every session of the bucket. A bucket that has seen this request is left alone, so that an interrupted run can
// be run again without ending the sessions that have begun since.
export const revokeBucketScript = defineScript({
  keys: ["bucket"],
  args: ["request", "ttl"],
  decode: flag,
  lua: `
local stored = redis.call("HMGET", bucket, "e", "r")
if stored[2] == request then return 0 end
${serverTime}
redis.call("HSET", bucket, "e", ${digits(nextEpoch("(stored[1] or 0)"))}, "r", request)
${keepFor("bucket", "ttl")}
return 1`,
});
