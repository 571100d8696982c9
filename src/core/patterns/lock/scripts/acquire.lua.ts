import { defineScript } from "../../../script/define-script.ts";
import { keepFor, serverClock } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, lastFence, leftOf } from "./fence.lua.ts";
import { wasGivenUp } from "./gone.lua.ts";
import { markWanted, waits } from "./wanted.lua.ts";

/**
 * Takes the lock if it is free, or from the token `held`, which hands it off; it is empty for a claim. That token is worth nothing after that:
 * a second reader of the same text comes too late. Asked again with the same token, as after a lost reply, it answers with the same
 * fence: the holder is not locked out by its own success.
 */
export const acquireLock = defineScript({
  keys: ["lock", "counter", "wanted", "gone"],
  args: ["token", "ttl", "whenBusy", "held"],
  decode: decodeAcquire,
  lua: `
local holder = redis.call("GET", lock)
local fences, givenUp = unpack(redis.call("MGET", counter, gone))
if holder == token then
  -- Its own grant, of which it did not hear. It may have been extended meanwhile, which this must not shorten.
  ${keepFor("lock", "ttl")}
  if fences then return ${lastFence} end
elseif ${wasGivenUp} then
  return 0
elseif holder == (held ~= "" and held) then
  redis.call("SET", lock, token, "PX", ttl)
else
  local left = ${leftOf("lock")}
  if ${waits} then ${markWanted} end
  return left
end
${serverClock}
${drawFence}
return fence`,
});
