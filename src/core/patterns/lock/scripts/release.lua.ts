import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { markFreed, wasFreed } from "./fence.lua.ts";
import { giveUp } from "./gone.lua.ts";
import { wakeNext } from "./wanted.lua.ts";

/**
 * Frees the lock if the token holds it, and wakes one who waits. A late release never frees another holder's lock. Run twice, as after
 * a lost reply, it finds in the counter that this fence was released, and agrees with its first answer.
 */
export const releaseLock = defineScript({
  keys: ["lock", "counter", "wanted", "gone"],
  args: ["token", "fence"],
  decode: flag,
  lua: `
local holder, fences, waiting, givenUp = unpack(redis.call("MGET", lock, counter, wanted, gone))
if holder == token then
  redis.call("DEL", lock)
  ${markFreed}
  if waiting then ${wakeNext} end
  return 1
end
if ${wasFreed} then return 1 end
${giveUp}
return 0`,
});
