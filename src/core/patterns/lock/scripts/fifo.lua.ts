import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, nextEpoch, serverTime } from "../../../script/fragments.lua.ts";
import { answer, drawFence, lastFence, markFreed, wasFreed } from "./fence.lua.ts";
import { markWantedInLine, wakeToken } from "./wanted.lua.ts";

/**
 * Sends those home who have not asked for too long, so that nobody dead blocks the line. A hundred at most, to stay short; the next
 * call takes the next. Expects `line`, `alive` and `now`.
 */
const sendDeadHome = `
  for _, dead in ipairs(redis.call("ZRANGEBYSCORE", alive, "-inf", now, "LIMIT", 0, 100)) do
    redis.call("ZREM", line, dead)
    redis.call("ZREM", alive, dead)
  end`;

/** Gives up a place in the line. */
const leaveLine = `
  redis.call("ZREM", line, token)
  redis.call("ZREM", alive, token)`;

/**
 * Takes the lock for the first in line, or for anybody while nobody waits. Who is refused and waits takes or keeps a place in the
 * line; asking is also its sign of life. The arrival is one more than the last one at least, so that no two are equal. A line of which
 * nobody is alive is a new one, also when Redis has evicted the signs of life.
 */
export const acquireInLine = defineScript({
  keys: ["lock", "counter", "wanted", "line", "alive"],
  args: ["token", "ttl", "whenBusy", "patience"],
  decode: answer,
  lua: `${serverTime}
local first
if redis.call("EXISTS", alive) == 1 then${sendDeadHome}
  first = redis.call("ZRANGE", line, 0, 0)[1]
end
local holder = redis.call("GET", lock)
if holder == token or not holder and (not first or first == token) then
  redis.call("SET", lock, token, "PX", ttl)
  if first then${leaveLine}
  end
  local fences = holder and redis.call("GET", counter)
  if fences then return ${lastFence} end${drawFence}
  return fence
end
local left = holder and redis.call("PTTL", lock) or 0
if whenBusy == "leave" then return left end
if not first then redis.call("DEL", line) end
if not redis.call("ZSCORE", line, token) then
  local last = redis.call("ZRANGE", line, -1, -1, "WITHSCORES")[2] or 0
  redis.call("ZADD", line, ${digits(nextEpoch("last"))}, token)
end
redis.call("ZADD", alive, now + patience, token)
redis.call("PEXPIRE", line, patience)
redis.call("PEXPIRE", alive, patience)
${markWantedInLine}
local again = math.floor(patience / 3)
if not holder then ${wakeToken("first")} end
if whenBusy == "poll" then return math.min(again, 25 * (redis.call("ZRANK", line, token) + 1)) end
if first == token and left >= 0 then again = math.min(again, left) end
return again`,
});

/** Frees the lock, gives up a place in the line, or both, and wakes whoever is first now. */
export const releaseInLine = defineScript({
  keys: ["lock", "counter", "wanted", "line", "alive"],
  args: ["token", "fence"],
  decode: flag,
  lua: `
if redis.call("EXISTS", alive) == 1 then${serverTime}${sendDeadHome}${leaveLine}
end
local holder, fences, waited = unpack(redis.call("MGET", lock, counter, wanted))
if holder == token then
  redis.call("DEL", lock)${markFreed}
end
if waited and (not holder or holder == token) then
  ${wakeToken(`redis.call("ZRANGE", line, 0, 0)[1] or ""`)}
end
return holder == token and 1 or ${wasFreed}`,
});
