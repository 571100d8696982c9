import { flag, integer } from "../reply.ts";
import { defineScript } from "../script.ts";
import { answer, drawFence } from "./acquire.lua.ts";

/** Takes the server's time, as `t` and as `now` in milliseconds. */
export const serverTime = `
local t = redis.call("TIME")
local now = t[1] * 1000 + math.floor(t[2] / 1000)`;

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
 * Takes a place if one is free. A place is free when its holder's time is over by the server's clock, so no clock of a caller can
 * evict a live holder.
 */
export const acquirePlace = defineScript({
  keys: ["places", "counter", "wanted"],
  args: ["token", "ttl", "waits", "limit"],
  decode: answer,
  lua: `${serverTime}
redis.call("ZREMRANGEBYSCORE", places, "-inf", now)
if not redis.call("ZSCORE", places, token) and redis.call("ZCARD", places) >= tonumber(limit) then
  local left = redis.call("ZRANGE", places, 0, 0, "WITHSCORES")[2] - now
  if waits == "1" then redis.call("SET", wanted, 1, "PX", left + 1000) end
  return {0, left}
end${holdIn("places")}${drawFence}
return {1, fence}`,
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

/**
 * Frees the place, and tells those who wait. A place that is gone counts as released: its time is not over where this is called,
 * so it was the first run of the same command that freed it.
 */
export const releasePlace = defineScript({
  keys: ["places", "wanted"],
  args: ["token"],
  decode: flag,
  lua: `
if redis.call("ZREM", places, token) == 1 and redis.call("EXISTS", wanted) == 1 then
  redis.call("PUBLISH", wanted, "")
end
return 1`,
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
