import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

/**
 * A Lua function for scripts of your own. `admit(guard, fence, ttl)` is false if the key `guard` has seen a larger fence; else it
 * remembers this one for `ttl` milliseconds. Call it in the script that writes: between two commands the lock may change hands.
 */
export const fenceLua = `
local function admit(guard, fence, ttl)
  local seen = redis.call("GET", guard)
  if seen and tonumber(seen) > tonumber(fence) then return false end
  redis.call("SET", guard, fence, "PX", ttl)
  return true
end
`;

/** Remembers the fence, unless a larger one was seen. */
export const admitFence = defineScript({
  keys: ["guard"],
  args: ["fence", "ttl"],
  decode: flag,
  lua: `${fenceLua}
return admit(guard, fence, ttl) and 1 or 0`,
});

/** Writes the value, unless a larger fence was seen. */
export const setGuarded = defineScript({
  keys: ["guard", "resource"],
  args: ["fence", "ttl", "value"],
  decode: flag,
  lua: `${fenceLua}
if not admit(guard, fence, ttl) then return 0 end
redis.call("SET", resource, value, "PX", ttl)
return 1`,
});
