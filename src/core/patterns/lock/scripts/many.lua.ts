import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepFor, serverClock } from "../../../script/fragments.lua.ts";
import { answer, drawFence, lastFence, markFreed, wasFreed } from "./fence.lua.ts";
import { markWanted, wakeNext } from "./wanted.lua.ts";

/** Several fences in one text, as `acquireMany` answers them. */
export function joinFences(fences: readonly string[]): string {
  return fences.join(",");
}

/** Takes apart what `joinFences` wrote. */
export function splitFences(fences: string): string[] {
  return fences.split(",");
}

/**
 * Takes all locks or none. `keys` holds the lock, the counter and the wanted mark of each. The fences come back joined by commas, in
 * the same order.
 */
export const acquireMany = defineScript({
  keys: ["...keys"],
  args: ["token", "ttl", "whenBusy"],
  decode: answer,
  lua: `
local busy, left = false, 0
for i = 1, #keys, 3 do
  local lock, wanted = keys[i], keys[i + 2]
  local holder = redis.call("GET", lock)
  if holder and holder ~= token then
    busy = true
    left = math.max(left, redis.call("PTTL", lock))
    if whenBusy ~= "leave" then ${markWanted} end
  end
end
if busy then return left end
${serverClock}local drawn = {}
for i = 1, #keys, 3 do
  local lock, counter = keys[i], keys[i + 1]
  local fences = redis.call("GET", lock) and redis.call("GET", counter)
  redis.call("SET", lock, token, "PX", ttl)
  if fences then drawn[#drawn + 1] = ${lastFence}
  else${drawFence}
    drawn[#drawn + 1] = fence
  end
end
return table.concat(drawn, ",")`,
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
  local lock = keys[i]
  ${keepFor("lock", "ttl")}
end
return 1`,
});

/** Frees those that the token holds; 1 if each was held, or had been released with its fence before. */
export const releaseMany = defineScript({
  keys: ["...keys"],
  args: ["token", "...given"],
  decode: flag,
  lua: `
local all = 1
for i = 1, #keys, 3 do
  local lock, counter, wanted, fence = keys[i], keys[i + 1], keys[i + 2], given[(i + 2) / 3] or "0"
  local holder, fences, waited = unpack(redis.call("MGET", lock, counter, wanted))
  if holder == token then
    redis.call("DEL", lock)${markFreed}
    if waited then ${wakeNext} end
  else
    all = math.min(all, ${wasFreed})
  end
end
return all`,
});
