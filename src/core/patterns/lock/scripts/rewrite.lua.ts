import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

/**
 * Writes the holder's lock once more, as it is, and answers 0 if the token does not hold it any more. `WAIT` counts only what its own
 * connection wrote, and after a reconnection that is not the one that took the lock; so this write goes before each `WAIT`, in one
 * pipeline, which ioredis sends again as a whole or not at all. A replica that has this write has the lock, which came before it.
 */
export const rewriteLock = defineScript({
  keys: ["lock"],
  args: ["token"],
  decode: flag,
  lua: `
if redis.call("GET", lock) ~= token then return 0 end
return redis.call("PEXPIRE", lock, redis.call("PTTL", lock))`,
});
