import type { Reply } from "../redis.ts";
import { integer, listOf, raw, text } from "../reply.ts";
import { defineScript } from "../script.ts";

/** The fence of what was granted, or how many milliseconds the present holder has left. */
export type ClaimAnswer = { readonly fence: string } | { readonly busyFor: number };

/** Reads `{1, fence}` or `{0, milliseconds}`. */
export function answer(reply: Reply): ClaimAnswer {
  const [granted = null, value = null] = listOf(raw)(reply);
  return integer(granted) === 1 ? { fence: text(value) } : { busyFor: Math.max(0, integer(value)) };
}

/**
 * Draws the next fence: one more than the last, and at least the server's time in microseconds, so that it also rises when the
 * counter was lost. A double holds it exactly until the year 2255. The counter reads "last fence, last fence that was released",
 * by which a second run of a release knows the first. Expects `counter`, `ttl` and the server's
 * time as `t`.
 */
export const drawFence = `
local last, freed = string.match(redis.call("GET", counter) or "0 0", "(%d+) (%d+)")
local fence = string.format("%.0f", math.max(last + 1, t[1] * 1000000 + t[2]))
redis.call("SET", counter, fence .. " " .. freed, "PX", ttl + 3600000)`;

/**
 * Takes the lock if it is free. Asked again with the same token, as after a lost reply, it answers with the same fence: the holder
 * is not locked out by its own success.
 */
export const acquireLock = defineScript({
  keys: ["lock", "counter", "wanted"],
  args: ["token", "ttl", "waits"],
  decode: answer,
  lua: `
if not redis.call("SET", lock, token, "NX", "PX", ttl) then
  if redis.call("GET", lock) ~= token then
    local left = redis.call("PTTL", lock)
    if waits == "1" then redis.call("SET", wanted, 1, "PX", math.max(left, 0) + 1000) end
    return {0, left}
  end
  redis.call("PEXPIRE", lock, ttl)
  local held = redis.call("GET", counter)
  if held then return {1, string.match(held, "%d+")} end
end
local t = redis.call("TIME")${drawFence}
return {1, fence}`,
});
