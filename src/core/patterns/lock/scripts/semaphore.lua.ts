import { flag, integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { serverTime } from "../../../script/fragments.lua.ts";
import { answer, drawFence } from "./fence.lua.ts";
import { markWanted, wakeNext } from "./wanted.lua.ts";

/**
 * Gives the token a place until `now + ttl`, or later if it had that already, and lets the set live as long as its last member: a
 * short lease never shortens the others'. Expects `now`, `ttl` and the sorted set in the local named here.
 */
export function holdIn(set: string): string {
  return `
redis.call("ZADD", ${set}, math.max(now + ttl, tonumber(redis.call("ZSCORE", ${set}, token) or 0)), token)
redis.call("PEXPIREAT", ${set}, redis.call("ZRANGE", ${set}, -1, -1, "WITHSCORES")[2])`;
}

/**
 * Takes the token out of the set named here. `released` is 1 if it was there, or was until an earlier run of the same release, and 0
 * if it had been lost: the key `freed`, one for each token, keeps those two apart for a minute.
 */
export function leave(set: string): string {
  return `
local released = redis.call("ZREM", ${set}, token)
if released == 1 then redis.call("SET", freed, 1, "PX", 60000)
else released = redis.call("EXISTS", freed) end`;
}

/**
 * Takes a place if one is free. A place is free when its holder's time is over by the server's clock, so no clock of a caller can
 * evict a live holder.
 */
export const acquirePlace = defineScript({
  keys: ["places", "counter", "wanted"],
  args: ["token", "ttl", "whenBusy", "limit"],
  decode: answer,
  lua: `${serverTime}
redis.call("ZREMRANGEBYSCORE", places, "-inf", now)
if not redis.call("ZSCORE", places, token) and redis.call("ZCARD", places) >= tonumber(limit) then
  local left = redis.call("ZRANGE", places, 0, 0, "WITHSCORES")[2] - now
  if whenBusy ~= "leave" then ${markWanted} end
  return left
end${holdIn("places")}${drawFence}
return fence`,
});

/** Gives the holder, and nobody else, at least `ttl` more. A place whose time is over is lost, even if nobody has taken it. */
export const extendPlace = defineScript({
  keys: ["places"],
  args: ["token", "ttl"],
  decode: flag,
  lua: `${serverTime}
if tonumber(redis.call("ZSCORE", places, token) or 0) <= now then return 0 end${holdIn("places")}
return 1`,
});

/** Frees the place, and tells those who wait. */
export const releasePlace = defineScript({
  keys: ["places", "wanted", "freed"],
  args: ["token"],
  decode: flag,
  lua: `${leave("places")}
if released == 1 and redis.call("EXISTS", wanted) == 1 then ${wakeNext} end
return released`,
});

/** How long until a place is free, in milliseconds; 0 if one is. */
export const untilPlace = defineScript({
  keys: ["places"],
  args: ["limit"],
  decode: integer,
  lua: `${serverTime}
local taken = redis.call("ZCOUNT", places, "(" .. now, "+inf")
if taken < tonumber(limit) then return 0 end
return redis.call("ZRANGE", places, -limit, -limit, "WITHSCORES")[2] - now`,
});
