import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { markFreed, wasFreed } from "./fence.lua.ts";
import { wakeNext } from "./wanted.lua.ts";

/**
 * Frees the lock if the token holds it, and wakes one who waits. A late release never frees another holder's lock. Run twice, as after
 * a lost reply, it finds in the counter that this fence was released, and agrees with its first answer.
 */
export const releaseLock = defineScript({
  keys: ["lock", "counter", "wanted"],
  args: ["token", "fence"],
  decode: flag,
  lua: `
local holder, fences, waiting = unpack(redis.call("MGET", lock, counter, wanted))
if holder ~= token then return ${wasFreed} end
redis.call("DEL", lock)
${markFreed}
if waiting then ${wakeNext} end
return 1`,
});
