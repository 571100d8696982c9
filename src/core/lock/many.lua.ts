import { flag } from "../reply.ts";
import { defineScript } from "../script.ts";
import { answer, drawFence } from "./acquire.lua.ts";

/**
 * Takes all locks or none. `keys` holds the lock, the counter and the wanted mark of each. The fences come back joined by commas, in
 * the same order.
 */
export const acquireMany = defineScript({
  keys: ["...keys"],
  args: ["token", "ttl", "waits"],
  decode: answer,
  lua: `
local busy, left = false, 0
for i = 1, #keys, 3 do
  local holder = redis.call("GET", keys[i])
  if holder and holder ~= token then
    busy = true
    left = math.max(left, redis.call("PTTL", keys[i]))
    if waits == "1" then redis.call("SET", keys[i + 2], 1, "PX", left + 1000) end
  end
end
if busy then return {0, left} end
local t = redis.call("TIME")
local fences = {}
for i = 1, #keys, 3 do
  local lock, counter = keys[i], keys[i + 1]
  local held = redis.call("GET", lock) and redis.call("GET", counter)
  redis.call("SET", lock, token, "PX", ttl)
  if held then fences[#fences + 1] = string.match(held, "%d+")
  else${drawFence}
    fences[#fences + 1] = fence
  end
end
return {1, table.concat(fences, ",")}`,
});

/** Gives the holder of all at least `ttl` more on each. */
export const extendMany = defineScript({
  keys: ["...keys"],
  args: ["token", "ttl"],
  decode: flag,
  lua: `
for i = 1, #keys, 3 do
  if redis.call("GET", keys[i]) ~= token then return 0 end
end
for i = 1, #keys, 3 do
  if redis.call("PTTL", keys[i]) < tonumber(ttl) then redis.call("PEXPIRE", keys[i], ttl) end
end
return 1`,
});

/** Frees those that the token holds; 1 if each was held, or had been released with its fence before. */
export const releaseMany = defineScript({
  keys: ["...keys"],
  args: ["token", "...fences"],
  decode: flag,
  lua: `
local all = 1
for i = 1, #keys, 3 do
  local last, freed = string.match(redis.call("GET", keys[i + 1]) or "0 0", "(%d+) (%d+)")
  if redis.call("GET", keys[i]) == token then
    redis.call("DEL", keys[i])
    redis.call("SET", keys[i + 1], last .. " " .. last, "PX", 3600000)
    if redis.call("EXISTS", keys[i + 2]) == 1 then redis.call("PUBLISH", keys[i + 2], "") end
  elseif tonumber(freed) < tonumber(fences[(i + 2) / 3] or 0) then
    all = 0
  end
end
return all`,
});
