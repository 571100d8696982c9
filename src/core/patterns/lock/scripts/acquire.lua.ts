import { defineScript } from "../../../script/define-script.ts";
import { keepFor, serverClock } from "../../../script/fragments.lua.ts";
import { decodeAcquire, decodeResume, drawFence, lastFence, leftOf } from "./fence.lua.ts";
import { wasGivenUp } from "./gone.lua.ts";
import { markWanted, waits } from "./wanted.lua.ts";

/**
 * Takes the lock if it is free. Asked again with the same token, as after a lost reply, it answers with the same fence: the holder
 * is not locked out by its own success.
 */
export const acquireLock = defineScript({
  keys: ["lock", "counter", "wanted", "gone"],
  args: ["token", "ttl", "whenBusy"],
  decode: decodeAcquire,
  lua: `
if not redis.call("SET", lock, token, "NX", "PX", ttl) then
  if redis.call("GET", lock) ~= token then
    local left = ${leftOf("lock")}
    if ${waits} then ${markWanted} end
    return left
  end
  -- Its own grant, of which it did not hear. It may have been extended meanwhile, which this must not shorten.
  ${keepFor("lock", "ttl")}
  local fences = redis.call("GET", counter)
  if fences then return ${lastFence} end
end
local fences, givenUp = unpack(redis.call("MGET", counter, gone))
if ${wasGivenUp} then
  redis.call("DEL", lock)
  return 0
end
${serverClock}
${drawFence}
return fence`,
});

/**
 * Passes a lock that was handed off from its old token, `held`, to a new one, with a new fence. The old token is worth nothing after that:
 * a second reader of the same text comes too late. Run again with the same new token, it answers as before.
 */
export const resumeLock = defineScript({
  keys: ["lock", "counter", "gone"],
  args: ["held", "token", "ttl"],
  decode: decodeResume,
  lua: `
local holder = redis.call("GET", lock)
local fences, givenUp = unpack(redis.call("MGET", counter, gone))
if holder == token then
  ${keepFor("lock", "ttl")}
  if fences then return ${lastFence} end
elseif holder == held and not ${wasGivenUp} then
  redis.call("SET", lock, token, "KEEPTTL")
  ${keepFor("lock", "ttl")}
else
  return 0
end
${serverClock}
${drawFence}
return fence`,
});
