import { flag, integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { serverTime } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, leftUntil } from "./fence.lua.ts";
import { countIn, holdIn, holdsIn, rememberRelease, removeEnded, takeOverIn } from "./holders.lua.ts";
import { markWanted, waits, wakeNext } from "./wanted.lua.ts";

/**
 * Takes a place if one is free. A place is free when its holder's time is over by the server's clock, so no clock of a caller can
 * evict a live holder.
 */
export const acquirePlace = defineScript({
  keys: ["places", "counter", "wanted", "freed", "spent"],
  args: ["token", "ttl", "whenBusy", "held", "limit"],
  decode: decodeAcquire,
  lua: `
${serverTime}
local fences, before = unpack(redis.call("MGET", counter, freed))
${removeEnded("places")}
local holds = ${holdsIn("places")}
if before and not holds then return 0 end
${takeOverIn("places")}
if not holds and ${countIn("places")} >= tonumber(limit) then
  local left = ${leftUntil(`redis.call("ZRANGEBYSCORE", places, "(" .. now, "+inf", "WITHSCORES", "LIMIT", 0, 1)[2]`)}
  if ${waits} then ${markWanted} end
  return left
end
${holdIn("places")}
${drawFence}
return fence`,
});

/** Gives the holder, and nobody else, at least `ttl` more. A place whose time is over is lost, even if nobody has taken it. */
export const extendPlace = defineScript({
  keys: ["places"],
  args: ["token", "ttl"],
  decode: flag,
  lua: `
${serverTime}
if not ${holdsIn("places")} then return 0 end
${holdIn("places")}
return 1`,
});

/** Frees the place, and wakes one who waits. */
export const releasePlace = defineScript({
  keys: ["places", "wanted", "freed"],
  args: ["token"],
  decode: flag,
  lua: `
local released = redis.call("ZREM", places, token)
${rememberRelease}
if released == 1 and redis.call("EXISTS", wanted) == 1 then ${wakeNext} end
return released`,
});

/** The milliseconds until a place is free; 0 if one is. */
export const inspectPlaces = defineScript({
  keys: ["places"],
  args: ["limit"],
  decode: integer,
  lua: `
${serverTime}
if ${countIn("places")} < tonumber(limit) then return 0 end
-- More may hold than there are places, since processes may know different limits: enough of them must end.
return redis.call("ZRANGE", places, -limit, -limit, "WITHSCORES")[2] - now`,
});
