import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, keepFor, nextEpoch, serverTime } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, lastFence, leftOf, markFreed, wasFreed } from "./fence.lua.ts";
import { giveUp, wasGivenUp } from "./gone.lua.ts";
import { askAgainIn, boundSigns, keepPlace, leaveLine, removeDead } from "./line.lua.ts";
import { leaves, polls, wakeToken } from "./wanted.lua.ts";

const keys = ["lock", "counter", "wanted", "gone", "line", "alive"] as const;

/**
 * Takes the lock for the first in line, or for anybody while nobody waits. An asker that is refused and waits takes or keeps a place in
 * the line, and learns in how many milliseconds to ask again.
 */
export const acquireInLine = defineScript({
  keys,
  args: ["token", "ttl", "whenBusy", "patience"],
  decode: decodeAcquire,
  lua: `
${serverTime}
local holder = redis.call("GET", lock)
local fences, givenUp = unpack(redis.call("MGET", counter, gone))
if holder ~= token and ${wasGivenUp} then return 0 end
local first
if redis.call("EXISTS", alive) == 1 then
  ${boundSigns}
  ${removeDead("line")}
  first = redis.call("ZRANGE", line, 0, 0)[1]
end
if holder == token or not holder and (not first or first == token) then
  if first then
    ${leaveLine("line")}
  end
  if holder then
    -- Its own grant, of which it did not hear, keeps its fence, and what it may have been extended to.
    ${keepFor("lock", "ttl")}
    if fences then return ${lastFence} end
  else
    redis.call("SET", lock, token, "PX", ttl)
  end
  ${drawFence}
  return fence
end
local left = holder and ${leftOf("lock")} or 0
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
  keys,
  args: ["token", "fence"],
  decode: flag,
  lua: `
if redis.call("EXISTS", alive) == 1 then
  ${serverTime}
  ${removeDead("line")}
  ${leaveLine("line")}
end
local holder, fences, waiting, givenUp = unpack(redis.call("MGET", lock, counter, wanted, gone))
if holder == token then
  redis.call("DEL", lock)
  ${markFreed}
end
if waiting and (not holder or holder == token) then
  local first = redis.call("ZRANGE", line, 0, 0)[1]
  ${wakeToken(`first or ""`)}
end
if holder == token or ${wasFreed} then return 1 end
${giveUp}
return 0`,
});
