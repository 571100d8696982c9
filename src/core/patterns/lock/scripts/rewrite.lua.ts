import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

/**
 * Writes the holder's lock once more, as it is. `WAIT` tells of what its own connection wrote, and this one may be newer than the
 * grant; a replica that has this write has all that came before. ioredis resends a pipeline as a whole or fails.
 */
export const rewriteLock = defineScript({
  keys: ["lock"],
  args: ["token"],
  decode: flag,
  lua: `
if redis.call("GET", lock) ~= token then return 0 end
return redis.call("PEXPIRE", lock, redis.call("PTTL", lock))`,
});
