import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepFor, serverClock } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, lastFence, leftOf, markFreed, unknownFence, wasFreed } from "./fence.lua.ts";
import { giveUp, wasGivenUp } from "./gone.lua.ts";
import { wakeNext } from "./wanted.lua.ts";

// In all three scripts `keys` holds four keys for each name: its lock, its counter, its mark `wanted`, and the tokens that were given up.

const separator = ",";

/** Several fences in one text, as `acquireMany` answers them: in the order of the names. */
export function joinFences(fences: readonly string[]): string {
  return fences.join(separator);
}

/** Takes apart what `joinFences` wrote. */
export function splitFences(fences: string): string[] {
  return fences.split(separator);
}

/**
 * Takes all locks or none: one script, so that nobody sees, or takes, half of them. An asker that waits leaves no mark `wanted`: it polls, and
 * hears of no release.
 */
export const acquireMany = defineScript({
  keys: ["...keys"],
  args: ["token", "ttl"],
  decode: decodeAcquire,
  lua: `
local busy, left = false, 0
local held, read = {}, {}
for i = 1, #keys, 4 do
  local lock, counter, gone = keys[i], keys[i + 1], keys[i + 3]
  local holder = redis.call("GET", lock)
  local fences, givenUp = unpack(redis.call("MGET", counter, gone))
  held[i], read[i] = holder == token, fences
  if not holder and ${wasGivenUp} then return 0 end
  if holder and holder ~= token then
    busy = true
    local longest = ${leftOf("lock")}
    if left ~= -1 then left = longest == -1 and -1 or math.max(left, longest) end
  end
end
if busy then return left end
${serverClock}
local granted = {}
for i = 1, #keys, 4 do
  local lock, counter, fences = keys[i], keys[i + 1], read[i]
  if held[i] then
    -- It was granted by a run of which the asker did not hear, and may have been extended meanwhile.
    ${keepFor("lock", "ttl")}
  else
    redis.call("SET", lock, token, "PX", ttl)
  end
  if held[i] and fences then
    granted[#granted + 1] = ${lastFence}
  else
    ${drawFence}
    granted[#granted + 1] = fence
  end
end
return table.concat(granted, "${separator}")`,
});

/** Gives the holder of all at least `ttl` more on each; it gives nothing if one is lost. */
export const extendMany = defineScript({
  keys: ["...keys"],
  args: ["token", "ttl"],
  decode: flag,
  lua: `
for i = 1, #keys, 4 do
  local lock = keys[i]
  if redis.call("GET", lock) ~= token then return 0 end
end
for i = 1, #keys, 4 do
  local lock = keys[i]
  ${keepFor("lock", "ttl")}
end
return 1`,
});

/** Frees those that the token holds; 1 if each was held, or had been released with its fence before. */
export const releaseMany = defineScript({
  keys: ["...keys"],
  args: ["token", "...granted"],
  decode: flag,
  lua: `
local all = 1
for i = 1, #keys, 4 do
  local lock, counter, wanted, gone = keys[i], keys[i + 1], keys[i + 2], keys[i + 3]
  local fence = granted[(i + 3) / 4] or "${unknownFence}"
  local holder, fences, waiting, givenUp = unpack(redis.call("MGET", lock, counter, wanted, gone))
  if holder == token then
    redis.call("DEL", lock)
    ${markFreed}
    if waiting then ${wakeNext} end
  elseif not ${wasFreed} then
    ${giveUp}
    all = 0
  end
end
return all`,
});
