import { digits, serverTime } from "./fragments.lua.ts";

/**
 * Chooses one of several periods by the server's clock. The list `bounds` has the start of the first one and the end of each, in
 * milliseconds since 1970. `place` becomes the number of the period, 1 for the first. Where the clock is in none of them, the script
 * answers with `@` and its time, and its caller asks again with the periods around that: see `askAroundServerTime`. One period needs no
 * choice.
 */
export const choosePeriod = `
local place = 1
if bounds[3] then
  ${serverTime}
  while bounds[place + 1] and now >= tonumber(bounds[place + 1]) do
    place = place + 1
  end
  if now < tonumber(bounds[1]) or not bounds[place + 1] then
    return "@" .. ${digits("now")}
  end
end
`;

/**
 * A Lua function `keep(key)` that sets the TTL of a key: `ttl` milliseconds after the end of its period if it has one, else from now; 0 is
 * for ever. It needs `place` and `bounds` of `choosePeriod`.
 */
export const keepInPeriod = `
local function keep(key)
  if tonumber(ttl) == 0 then
    redis.call("PERSIST", key)
  elseif bounds[place + 1] then
    redis.call("PEXPIREAT", key, ${digits("bounds[place + 1] + ttl")})
  else
    redis.call("PEXPIRE", key, ttl)
  end
end
`;
