import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { raiseCounter } from "./fence.lua.ts";

/**
 * Raises the counter of the token's lock to the fence that the majority agreed on, so that every later majority finds one node that
 * knows it. Answers 1 if the token still holds the lock here.
 */
export const raiseFence = defineScript({
  keys: ["lock", "counter"],
  args: ["token", "ttl", "fence"],
  decode: integer,
  lua: `
if redis.call("GET", lock) ~= token then return 0 end
${raiseCounter()}
return 1`,
});
