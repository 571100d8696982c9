import { defineScript } from "../../../script/define-script.ts";
import { serverClock } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, lastFence } from "./fence.lua.ts";
import { markWanted, waits } from "./wanted.lua.ts";

/**
 * Takes the lock if it is free. Asked again with the same token, as after a lost reply, it answers with the same fence: the holder
 * is not locked out by its own success.
 */
export const acquireLock = defineScript({
  keys: ["lock", "counter", "wanted"],
  args: ["token", "ttl", "whenBusy"],
  decode: decodeAcquire,
  lua: `
if not redis.call("SET", lock, token, "NX", "PX", ttl) then
  if redis.call("GET", lock) ~= token then
    local left = math.max(0, redis.call("PTTL", lock))
    if ${waits} then ${markWanted} end
    return left
  end
  -- Its own grant, of which it did not hear.
  redis.call("PEXPIRE", lock, ttl)
  local fences = redis.call("GET", counter)
  if fences then return ${lastFence} end
end
${serverClock}
${drawFence}
return fence`,
});
