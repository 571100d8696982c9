import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { endLease } from "./fill.lua.ts";

// Closes the race between two updates: the entry is replaced only if it is the one that was read, known by the stamp in its head.
export const swapEntry = defineScript({
  keys: ["entry", "lease"],
  args: ["head", "value", "ttl", "wake"],
  decode: flag,
  lua: `
local present = redis.call("GET", entry) or ""
-- A replay after a lost reply finds its own entry and succeeds again.
if present == value then
  return 1
end
-- An empty head says that there was no entry.
if string.sub(present, 1, #head) ~= head or (head == "" and present ~= "") then
  return 0
end
redis.call("SET", entry, value, "PX", ttl)
${endLease}
return 1`,
});
