import { flag, integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, keepFor, newEpoch, serverTime } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, lastFence, leftOf, leftUntil, markFreed, wasFreed } from "./fence.lua.ts";
import { giveUp, wasGivenUp } from "./gone.lua.ts";
import { countIn, holdIn, holdsIn, rememberRelease, removeEnded, takeOverIn } from "./holders.lua.ts";
import { askAgainIn, boundSigns, keepPlace, leaveLine, removeDead } from "./line.lua.ts";
import { leaves, polls, wakeAll } from "./wanted.lua.ts";

const keys = ["readers", "writer", "counter", "wanted", "readLine", "writeLine", "alive"] as const;

/**
 * Removes readers whose time is over and waiters who are dead. Expects `now`. `arrivalOf` is the score of one place in a sorted set, or nil.
 */
const prelude = `
${removeEnded("readers")}
if redis.call("EXISTS", alive) == 1 then
  ${boundSigns}
  ${removeDead("readLine", "writeLine")}
end
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
  local lastRead, lastWrite = arrivalOf(readLine, -1) or 0, arrivalOf(writeLine, -1) or 0
  redis.call("ZADD", ${line}, ${digits(`math.max(lastRead + 1, lastWrite + 1, ${newEpoch})`)}, token)
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
  keys: [...keys, "freed", "spent"],
  args: ["token", "ttl", "whenBusy", "held", "patience"],
  decode: decodeAcquire,
  lua: `
${serverTime}
local fences, before = unpack(redis.call("MGET", counter, freed))
local holds = ${holdsIn("readers")}
if before and not holds then return 0 end
${takeOverIn("readers")}
${prelude}
local arrival = tonumber(redis.call("ZSCORE", readLine, token) or math.huge)
local free = redis.call("EXISTS", writer) == 0 and arrival <= (arrivalOf(writeLine, 0) or math.huge)
if free or holds then
  ${holdIn("readers")}
  ${leaveLine("readLine")}
  ${drawFence}
  return fence
end
local left = ${leftOf("writer")}
${waitInLine("readLine")}`,
});

/** Lets a writer in when nobody reads or writes, and nobody has waited for longer. */
export const acquireWrite = defineScript({
  keys: [...keys, "gone"],
  args: ["token", "ttl", "whenBusy", "patience"],
  decode: decodeAcquire,
  lua: `
${serverTime}
local holder = redis.call("GET", writer)
local fences, givenUp = unpack(redis.call("MGET", counter, gone))
if holder ~= token and ${wasGivenUp} then return 0 end
${prelude}
local first = redis.call("ZRANGE", writeLine, 0, 0)[1]
local arrival = tonumber(redis.call("ZSCORE", writeLine, token) or math.huge)
local overtakes = first and first ~= token or (arrivalOf(readLine, 0) or math.huge) < arrival
local lastReader = arrivalOf(readers, -1) or 0
if holder == token or not holder and lastReader <= now and not overtakes then
  ${leaveLine("writeLine")}
  if holder then
    -- Its own grant, of which it did not hear, keeps its fence, and what it may have been extended to.
    ${keepFor("writer", "ttl")}
    if fences then return ${lastFence} end
  else
    redis.call("SET", writer, token, "PX", ttl)
  end
  ${drawFence}
  return fence
end
local left = holder and ${leftOf("writer")} or ${leftUntil("lastReader")}
${waitInLine("writeLine")}`,
});

/** Gives a reader at least `ttl` more. */
export const extendRead = defineScript({
  keys: ["readers"],
  args: ["token", "ttl"],
  decode: flag,
  lua: `
${serverTime}
if not ${holdsIn("readers")} then return 0 end
${holdIn("readers")}
return 1`,
});

/** Ends a reader, or its wait, and wakes all when that may let somebody in. */
export const releaseRead = defineScript({
  keys: ["readers", "wanted", "readLine", "alive", "freed"],
  args: ["token"],
  decode: flag,
  lua: `
${serverTime}
${leaveLine("readLine")}
local released = redis.call("ZREM", readers, token)
${rememberRelease}
if ${countIn("readers")} == 0 and redis.call("EXISTS", wanted) == 1 then ${wakeAll} end
return released`,
});

/** Ends a writer, or its wait, and wakes all. */
export const releaseWrite = defineScript({
  keys: ["writer", "counter", "wanted", "writeLine", "alive", "gone"],
  args: ["token", "fence"],
  decode: flag,
  lua: `
${leaveLine("writeLine")}
local holder, fences, waiting, givenUp = unpack(redis.call("MGET", writer, counter, wanted, gone))
if holder == token then
  redis.call("DEL", writer)
  ${markFreed}
end
if waiting then ${wakeAll} end
if holder == token or ${wasFreed} then return 1 end
${giveUp}
return 0`,
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
