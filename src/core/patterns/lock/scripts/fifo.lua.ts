import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, nextEpoch, serverTime } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, lastFence, markFreed, wasFreed } from "./fence.lua.ts";
import { askAgainIn, keepPlace, leaveLine, removeDead } from "./line.lua.ts";
import { leaves, polls, wakeToken } from "./wanted.lua.ts";

/**
 * Takes the lock for the first in line, or for anybody while nobody waits. An asker that is refused and waits takes or keeps a place in
 * the line, and learns in how many milliseconds to ask again.
 */
export const acquireInLine = defineScript({
  keys: ["lock", "counter", "wanted", "line", "alive"],
  args: ["token", "ttl", "whenBusy", "patience"],
  decode: decodeAcquire,
  lua: `
${serverTime}
local first
if redis.call("EXISTS", alive) == 1 then
  ${removeDead("line")}
  first = redis.call("ZRANGE", line, 0, 0)[1]
end
local holder = redis.call("GET", lock)
if holder == token or not holder and (not first or first == token) then
  redis.call("SET", lock, token, "PX", ttl)
  if first then
    ${leaveLine("line")}
  end
  -- Its own grant, of which it did not hear, keeps its fence.
  local fences = holder and redis.call("GET", counter)
  if fences then return ${lastFence} end
  ${drawFence}
  return fence
end
local left = holder and redis.call("PTTL", lock) or 0
if ${leaves} then return left end
-- Nobody in it is alive, or Redis has evicted the signs of life: it is a new line.
if not first then redis.call("DEL", line) end
if not redis.call("ZSCORE", line, token) then
  -- Above the last arrival, so that no two are equal, also where the server's clock was set back.
  local last = redis.call("ZRANGE", line, -1, -1, "WITHSCORES")[2] or 0
  redis.call("ZADD", line, ${digits(nextEpoch("last"))}, token)
end
${keepPlace("line")}
-- It is free and the turn of the first, who may not have heard of it: its wake-up may be lost, or the lease ran out.
if not holder then ${wakeToken("first")} end
local again = ${askAgainIn}
if ${polls} then return math.min(again, 25 * (redis.call("ZRANK", line, token) + 1)) end
if first == token and left >= 0 then
  again = math.min(again, left)
end
return again`,
});

/** Frees the lock, gives up a place in the line, or both, and wakes the one who is first now. */
export const releaseInLine = defineScript({
  keys: ["lock", "counter", "wanted", "line", "alive"],
  args: ["token", "fence"],
  decode: flag,
  lua: `
if redis.call("EXISTS", alive) == 1 then
  ${serverTime}
  ${removeDead("line")}
  ${leaveLine("line")}
end
local holder, fences, waiting = unpack(redis.call("MGET", lock, counter, wanted))
if holder == token then
  redis.call("DEL", lock)
  ${markFreed}
end
if waiting and (not holder or holder == token) then
  local first = redis.call("ZRANGE", line, 0, 0)[1]
  ${wakeToken(`first or ""`)}
end
return holder == token and 1 or ${wasFreed}`,
});
