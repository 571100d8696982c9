import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepFor, serverClock } from "../../../script/fragments.lua.ts";
import { decodeAcquire, drawFence, lastFence, markFreed, unknownFence, wasFreed } from "./fence.lua.ts";
import { markWanted, waits, wakeNext } from "./wanted.lua.ts";

// In all three scripts `keys` holds three keys for each name: its lock, its counter, its mark `wanted`.

const separator = ",";

/** Several fences in one text, as `acquireMany` answers them: in the order of the names. */
export function joinFences(fences: readonly string[]): string {
  return fences.join(separator);
}

/** Takes apart what `joinFences` wrote. */
export function splitFences(fences: string): string[] {
  return fences.split(separator);
}

/** Takes all locks or none: one script, so that nobody sees, or takes, half of them. */
export const acquireMany = defineScript({
  keys: ["...keys"],
  args: ["token", "ttl", "whenBusy"],
  decode: decodeAcquire,
  lua: `
local busy, left = false, 0
for i = 1, #keys, 3 do
  local lock, wanted = keys[i], keys[i + 2]
  local holder = redis.call("GET", lock)
  if holder and holder ~= token then
    busy = true
    left = math.max(left, redis.call("PTTL", lock))
    if ${waits} then ${markWanted} end
  end
end
if busy then return left end
${serverClock}
local granted = {}
for i = 1, #keys, 3 do
  local lock, counter = keys[i], keys[i + 1]
  -- What the token holds already was granted to it by a run of which it did not hear.
  local fences = redis.call("GET", lock) and redis.call("GET", counter)
  redis.call("SET", lock, token, "PX", ttl)
  if fences then
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
for i = 1, #keys, 3 do
  local lock = keys[i]
  if redis.call("GET", lock) ~= token then return 0 end
end
for i = 1, #keys, 3 do
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
for i = 1, #keys, 3 do
  local lock, counter, wanted, fence = keys[i], keys[i + 1], keys[i + 2], granted[(i + 2) / 3] or "${unknownFence}"
  local holder, fences, waiting = unpack(redis.call("MGET", lock, counter, wanted))
  if holder == token then
    redis.call("DEL", lock)
    ${markFreed}
    if waiting then ${wakeNext} end
  else
    all = math.min(all, ${wasFreed})
  end
end
return all`,
});
