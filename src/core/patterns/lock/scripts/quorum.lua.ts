import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { raiseCounter } from "./fence.lua.ts";

/**
 * Raises this node's fence counter to the fence that the majority agreed on. Every later majority then has at least one node that knows
 * it. Answers 0 if the token does not hold the lock here any more.
 */
export const raiseFence = defineScript({
  keys: ["lock", "counter"],
  args: ["token", "ttl", "fence"],
  decode: flag,
  lua: `
if redis.call("GET", lock) ~= token then return 0 end
-- Takes counter, ttl and fence.
${raiseCounter()}
return 1`,
});
