import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepFor } from "../../../script/fragments.lua.ts";

/** Gives the holder, and nobody else, at least `ttl` more. It never shortens a lease: an extension may arrive out of order. */
export const extendLock = defineScript({
  keys: ["lock"],
  args: ["token", "ttl"],
  decode: flag,
  lua: `
if redis.call("GET", lock) ~= token then return 0 end
${keepFor("lock", "ttl")}
return 1`,
});
