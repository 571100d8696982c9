import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { endLease } from "./fill.lua.ts";

// Closes the race between two updates: the entry is replaced only if it is the one that was read, known by the stamp in its head. A
// replay after a lost reply finds its own entry and succeeds again.
export const swap = defineScript({
  keys: ["entry", "lease"],
  args: ["head", "value", "ttl", "wake"],
  decode: flag,
  lua: `
local now = redis.call("GET", entry) or ""
if now == value then return 1 end
if string.sub(now, 1, #head) ~= head or (head == "" and now ~= "") then return 0 end
redis.call("SET", entry, value, "PX", ttl)
${endLease}
return 1`,
});
