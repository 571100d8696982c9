import { flag } from "../reply.ts";
import { defineScript } from "../script.ts";

/**
 * Frees the lock if the token holds it, and tells those who wait. A late release never frees another holder's lock. Run twice, as
 * after a lost reply, it finds in the counter that this fence was released, and agrees with its first answer.
 */
export const releaseLock = defineScript({
  keys: ["lock", "counter", "wanted"],
  args: ["token", "fence"],
  decode: flag,
  lua: `
local holder, fences, waited = unpack(redis.call("MGET", lock, counter, wanted))
local last, freed = string.match(fences or "0 0", "(%d+) (%d+)")
if holder ~= token then return tonumber(freed) >= tonumber(fence) and 1 or 0 end
redis.call("DEL", lock)
redis.call("SET", counter, last .. " " .. last, "PX", 3600000)
if waited then redis.call("PUBLISH", wanted, "") end
return 1`,
});
