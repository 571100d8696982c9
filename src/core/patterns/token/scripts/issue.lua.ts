import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

// A code replaces the one before it, with its attempts. The user's epoch is born as the server's time in microseconds, so that one
// that was lost is never counted up to again.
export const issueScript = defineScript({
  keys: ["record", "user"],
  args: ["digest", "purpose", "name", "data", "ttl", "attempts", "request"],
  decode: integer,
  lua: `
local known = redis.call("HMGET", record, "i", "a")
if known[1] == request then return known[2] end
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local ends = string.format("%.0f", now + ttl)
local epoch = redis.call("HGET", user, "e")
if not epoch then
  epoch = string.format("%.0f", clock[1] * 1000000 + clock[2])
  redis.call("HSET", user, "e", epoch)
end
if redis.call("PTTL", user) < tonumber(ttl) then redis.call("PEXPIRE", user, ttl) end
redis.call("DEL", record)
redis.call("HSET", record, "k", digest, "e", epoch, "p", purpose, "u", name, "d", data, "n", attempts, "i", request, "a", ends)
redis.call("PEXPIRE", record, ttl)
return ends`,
});
