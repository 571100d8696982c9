import type { Reply } from "../../../port/redis.ts";
import { integer, text } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { drawFence, lastOf } from "./fence.lua.ts";

/** The fence of what was granted, or how many milliseconds the present holder has left. */
export type ClaimAnswer = { readonly fence: string } | { readonly busyFor: number };

/** Reads a fence, which has sixteen digits at least, or milliseconds. */
export function answer(reply: Reply): ClaimAnswer {
  const value = text(reply);
  return value.length < 16 ? { busyFor: Math.max(0, integer(reply)) } : { fence: value };
}

/**
 * Takes the lock if it is free. Asked again with the same token, as after a lost reply, it answers with the same fence: the holder
 * is not locked out by its own success.
 */
export const acquireLock = defineScript({
  keys: ["lock", "counter", "wanted"],
  args: ["token", "ttl", "whenBusy"],
  decode: answer,
  lua: `
if not redis.call("SET", lock, token, "NX", "PX", ttl) then
  if redis.call("GET", lock) ~= token then
    local left = redis.call("PTTL", lock)
    if whenBusy ~= "leave" then redis.call("SET", wanted, 1, "PX", math.max(left, 0) + 1000) end
    return left
  end
  redis.call("PEXPIRE", lock, ttl)
  local held = redis.call("GET", counter)
  if held then return ${lastOf("held")} end
end
local t = redis.call("TIME")${drawFence}
return fence`,
});
