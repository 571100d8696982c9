import { integer } from "../reply.ts";
import { defineScript } from "../script.ts";

/**
 * Raises the counter of the token's lock to the fence that the majority agreed on, so that every later majority finds one node that
 * knows it. Answers 1 if the token still holds the lock here.
 */
export const raiseFence = defineScript({
  keys: ["lock", "counter"],
  args: ["token", "ttl", "fence"],
  decode: integer,
  lua: `
if redis.call("GET", lock) ~= token then return 0 end
local last, freed = string.match(redis.call("GET", counter) or "0 0", "(%d+) (%d+)")
if tonumber(last) < tonumber(fence) then
  redis.call("SET", counter, fence .. " " .. freed, "PX", ttl + 3600000)
end
return 1`,
});
