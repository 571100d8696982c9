import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { raiseCounter } from "./fence.lua.ts";

/**
 * Raises the counter of the token's lock to the fence that the majority agreed on, so that every later majority finds one node that
 * knows it. Answers 0 if the token does not hold the lock here any more.
 */
export const raiseFence = defineScript({
  keys: ["lock", "counter"],
  args: ["token", "ttl", "fence"],
  decode: flag,
  lua: `
if redis.call("GET", lock) ~= token then return 0 end
${raiseCounter()}
return 1`,
});
