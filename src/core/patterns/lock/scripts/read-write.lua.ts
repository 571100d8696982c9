import { flag, integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, newEpoch, serverTime } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, lastFence, markFreed, wasFreed } from "./fence.lua.ts";
import { holdIn, rememberRelease } from "./holders.lua.ts";
import { askAgainIn, keepPlace, leaveLine, removeDead } from "./line.lua.ts";
import { leaves, polls, wakeAll } from "./wanted.lua.ts";

const keys = ["readers", "writer", "counter", "wanted", "readLine", "writeLine", "alive"] as const;

/** Removes readers whose time is over and waiters who are dead. `arrivalOf` is the score of one place in a sorted set, or nil. */
const prelude = `
${serverTime}
redis.call("ZREMRANGEBYSCORE", readers, "-inf", now)
${removeDead("readLine", "writeLine")}
local function arrivalOf(line, place)
  return tonumber(redis.call("ZRANGE", line, place, place, "WITHSCORES")[2])
end`;

/**
 * Takes or keeps a place in the line named here, in one order over both lines: above the last arrival in either, so that no two are
 * equal, also where the server's clock was set back. Expects how long the holders have `left`.
 */
function waitInLine(line: string): string {
  return `
if ${leaves} then return left end
if not redis.call("ZSCORE", ${line}, token) then
  local lastReader = arrivalOf(readLine, -1) or 0
  local lastWriter = arrivalOf(writeLine, -1) or 0
  redis.call("ZADD", ${line}, ${digits(`math.max(lastReader + 1, lastWriter + 1, ${newEpoch})`)}, token)
end
${keepPlace("readLine", "writeLine")}
local again = ${askAgainIn}
if left > 0 then
  again = math.min(again, left)
end
if ${polls} then
  again = math.min(again, 100)
end
return again`;
}

/** Lets a reader in unless a writer writes, or one has waited for longer than this reader. */
export const acquireRead = defineScript({
  keys,
  args: ["token", "ttl", "whenBusy", "patience"],
  decode: decodeAcquire,
  lua: `
${prelude}
local arrival = tonumber(redis.call("ZSCORE", readLine, token) or math.huge)
local free = redis.call("EXISTS", writer) == 0 and arrival <= (arrivalOf(writeLine, 0) or math.huge)
if free or redis.call("ZSCORE", readers, token) then
  ${holdIn("readers")}
  ${leaveLine("readLine")}
  ${drawFence}
  return fence
end
local left = math.max(0, redis.call("PTTL", writer))
${waitInLine("readLine")}`,
});

/** Lets a writer in when nobody reads or writes, and nobody has waited for longer. */
export const acquireWrite = defineScript({
  keys,
  args: ["token", "ttl", "whenBusy", "patience"],
  decode: decodeAcquire,
  lua: `
${prelude}
local holder = redis.call("GET", writer)
local first = redis.call("ZRANGE", writeLine, 0, 0)[1]
local arrival = tonumber(redis.call("ZSCORE", writeLine, token) or math.huge)
local overtakes = first and first ~= token or (arrivalOf(readLine, 0) or math.huge) < arrival
if holder == token or not holder and redis.call("ZCARD", readers) == 0 and not overtakes then
  redis.call("SET", writer, token, "PX", ttl)
  ${leaveLine("writeLine")}
  -- Its own grant, of which it did not hear, keeps its fence.
  local fences = holder and redis.call("GET", counter)
  if fences then return ${lastFence} end
  ${drawFence}
  return fence
end
local left = holder and math.max(0, redis.call("PTTL", writer)) or (arrivalOf(readers, 0) or now) - now
${waitInLine("writeLine")}`,
});

/** Gives a reader at least `ttl` more. */
export const extendRead = defineScript({
  keys: ["readers"],
  args: ["token", "ttl"],
  decode: flag,
  lua: `
${serverTime}
if tonumber(redis.call("ZSCORE", readers, token) or 0) <= now then return 0 end
${holdIn("readers")}
return 1`,
});

/** Ends a reader, or its wait, and wakes all when that may let somebody in. */
export const releaseRead = defineScript({
  keys: ["readers", "wanted", "readLine", "alive", "freed"],
  args: ["token"],
  decode: flag,
  lua: `
${leaveLine("readLine")}
local released = redis.call("ZREM", readers, token)
${rememberRelease}
if redis.call("ZCARD", readers) == 0 and redis.call("EXISTS", wanted) == 1 then ${wakeAll} end
return released`,
});

/** Ends a writer, or its wait, and wakes all. */
export const releaseWrite = defineScript({
  keys: ["writer", "counter", "wanted", "writeLine", "alive"],
  args: ["token", "fence"],
  decode: flag,
  lua: `
${leaveLine("writeLine")}
local fences = redis.call("GET", counter)
local held = redis.call("GET", writer) == token
if held then
  redis.call("DEL", writer)
  ${markFreed}
end
if redis.call("EXISTS", wanted) == 1 then ${wakeAll} end
return held and 1 or ${wasFreed}`,
});

/** The milliseconds until nobody reads. */
export const inspectReaders = defineScript({
  keys: ["readers"],
  args: [],
  decode: integer,
  lua: `
${serverTime}
return math.max(0, (redis.call("ZRANGE", readers, -1, -1, "WITHSCORES")[2] or now) - now)`,
});
