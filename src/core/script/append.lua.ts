import { digits, publish, serverTime } from "./fragments.lua.ts";

/** A Lua function `newestId()`: the id that was given last in a log, 0-0 if none was. Its locals: the keys `log` and `last`. */
export const newestIdOfLog = `
local function newestId()
  local id = redis.call("GET", last)
  if not id then
    -- A full server may have evicted it alone.
    local newest = redis.call("XREVRANGE", log, "+", "-", "COUNT", 1)[1]
    id = newest and newest[1] or "0-0"
  end
  return id
end
`;

/**
 * A Lua function `append(data)`: it adds an entry to a log and publishes it, so that a reader who misses the message finds it there. It returns
 * the id of the entry, and what PUBLISH answered: the number of receivers, or a table with `err` if the user may not publish.
 *
 * Its locals: the keys `log`, a stream of the entries that are kept, and `last`, the id that was given last, which outlives them; `channel`; `age`,
 * for how many milliseconds an entry is kept, and `length`, about how many are.
 *
 * Each entry tells the id of the one before it, so that a reader notices what is missing. The first of a history tells 0-0. An id is the
 * server's time, and above the last one also if the server's clock was set back. Nothing is written before all is known to fit.
 */
export const appendToLog = `
${newestIdOfLog}
local function append(data)
  ${serverTime}
  local previous = newestId()
  local milliseconds, number = string.match(previous, "^(%d+)-(%d+)$")
  local id = milliseconds .. "-" .. ${digits("number + 1")}
  if now > tonumber(milliseconds) then
    -- The first of a history has its microseconds, so that it is not taken for that of a history which was lost in the same millisecond.
    id = ${digits("now")} .. "-" .. (previous == "0-0" and clock[2] % 1000 or 0)
  end
  local body = previous .. " " .. data
  redis.call("XADD", log, "MAXLEN", "~", length, id, "1", body)
  -- Redis 6.0 cannot trim by age itself.
  local old = redis.call("XRANGE", log, "-", ${digits("math.max(now - age, 0)")}, "COUNT", 100)
  for place, entry in ipairs(old) do
    old[place] = entry[1]
  end
  if old[1] then
    redis.call("XDEL", log, unpack(old))
  end
  redis.call("PEXPIRE", log, age)
  redis.call("SET", last, id, "PX", ${digits("age + 86400000")})
  return id, ${publish("channel", '"1 " .. id .. " " .. body')}
end
`;
