import { appendToLog } from "../../../script/append.lua.ts";
import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { aboutPattern, formatAbout } from "../format.ts";

/** The keys of every script of a room. */
export const roomNames = ["visits", "members", "about", "log", "last"] as const;

/** What every script of a room takes, since each may have to tell who left. */
export const logNames = ["channel", "age", "length"] as const;

/** The most visits that one script takes away because they have ended. */
const mostEnded = 100;

/**
 * What every script of a room begins with: the server's time, and Lua functions that know who is in the room. The count of a member, its place
 * among the members and what is told change in one script, so that each transition is told once, whoever comes and goes at that moment.
 * `sweep()` takes away the visits that have ended: those whose last millisecond is over, since the server's time is cut to milliseconds.
 */
export const room = `
${appendToLog}
${serverTime}
local function tell(kind, member, at, data)
  local fields = '{"type":"' .. kind .. '","member":' .. member .. ',"at":' .. at
  if data ~= "" then
    fields = fields .. ',"data":' .. data
  end
  append(fields .. "}")
end
local function read(member)
  local kept = redis.call("HGET", about, member)
  if not kept then
    return 0, ${digits("now")}, ""
  end
  local count, since, data = string.match(kept, ${aboutPattern})
  if not count then
    error("SHAPE The room was written by a later version of this package, or holds something else")
  end
  return tonumber(count), since, data
end
local function write(member, count, since, data)
  redis.call("HSET", about, member, ${formatAbout})
end
-- The transition is told first: where the log refuses it, nothing was done.
local function exit(visit, member, at)
  local count, since, data = read(member)
  local isLast = count <= 1 and redis.call("ZSCORE", members, member)
  if isLast then
    tell("left", member, at, "")
  end
  redis.call("ZREM", visits, visit .. ":" .. member)
  if count > 1 then
    write(member, count - 1, since, data)
  else
    redis.call("HDEL", about, member)
    redis.call("ZREM", members, member)
  end
end
local function sweep()
  local ended = redis.call("ZRANGEBYSCORE", visits, "-inf", "(" .. ${digits("now")}, "WITHSCORES", "LIMIT", 0, ${mostEnded})
  for i = 1, #ended, 2 do
    local visit, member = string.match(ended[i], "^([^:]*):(.*)$")
    exit(visit, member, ended[i + 1])
  end
end
`;

/**
 * A Lua function that keeps what a room has for `life` milliseconds at least, as long as its readers may go on from what they have seen: so each of
 * them hears of the end of a visit, or of a gap. It does so about once an hour, since heartbeats come often.
 */
export const keepRoom = `
local function keepRoom(isNew)
  if not isNew and redis.call("PTTL", visits) >= tonumber(life) then
    return
  end
  for _, key in ipairs({visits, members, about, last}) do
    redis.call("PEXPIRE", key, ${digits("life + 3600000")})
  end
end
`;
