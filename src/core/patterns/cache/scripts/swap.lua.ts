import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { endLease } from "./fill.lua.ts";

// Closes the race between two updates: the entry is replaced only if it still begins with the head that was read, which holds a random
// stamp. 0 says that another update came first. An empty head stands for no entry.
export const swapEntry = defineScript({
  keys: ["entry", "lease"],
  args: ["head", "changed", "ttl", "wake"],
  decode: flag,
  lua: `
local current = redis.call("GET", entry) or ""
-- A replay after a lost reply finds its own entry and succeeds again.
if current == changed then
  return 1
end
if head == "" and current ~= "" or string.sub(current, 1, #head) ~= head then
  return 0
end
redis.call("SET", entry, changed, "PX", ttl)
${endLease}
return 1`,
});
