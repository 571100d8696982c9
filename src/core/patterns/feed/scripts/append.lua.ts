import { itemField } from "../format.ts";

/** A Lua function `keep(key)`: the key lives for `ttl` milliseconds from now, or for ever if that is 0. A key that is absent stays so. */
export const keepAlive = `
local function keep(key)
  if ttl == "0" then
    redis.call("PERSIST", key)
  else
    redis.call("PEXPIRE", key, ttl)
  end
end
`;

/** All that a feed has lives as long as its items: what it remembers of events, too. */
export const keepFeed = `
keep(items)
keep(trimmed)
keep(readers)
keep(events)
`;

/**
 * Lua that adds an item and trims the feed to exactly `length`. The local `added` becomes its id. Redis does not tell which items it trims. So
 * one more than that is kept at first: the oldest of them is the newest one that goes, also where `length` was greater before.
 */
export const appendItem = `
local added = redis.call("XADD", items, "MAXLEN", "=", length + 1, "*", ${itemField}, item)
if redis.call("XLEN", items) > tonumber(length) then
  local oldest = redis.call("XRANGE", items, "-", "+", "COUNT", 1)
  redis.call("SET", trimmed, oldest[1][1])
  redis.call("XTRIM", items, "MAXLEN", "=", length)
end
`;
