import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { endLease } from "./fill.lua.ts";

/** Lua: the number of updates of one key that are remembered, by tokens of `tokenLength` characters. */
const remembered = 50;

export const tokenLength = 18;

// Closes the race between two updates: the entry is replaced only if it still is the one that was read. In an envelope the head, which
// holds a random stamp, tells; plain JSON has none and is compared whole. An empty head stands for no entry. 0 says that another update
// came first.
export const swapEntry = defineScript({
  keys: ["entry", "lease", "updates"],
  args: ["head", "mark", "changed", "token", "ttl", "keep", "wake"],
  decode: flag,
  lua: `
-- A replay after a lost reply succeeds again. The entry cannot tell it: another update may have come meanwhile, or written an equal value.
local done = redis.call("GET", updates) or ""
if string.find(done, token, 1, true) then
  return 1
end

local current = redis.call("GET", entry) or ""
local compared = current
if mark ~= "" and head ~= "" then
  compared = string.sub(current, 1, #head)
end
if compared ~= head then
  return 0
end
-- An entry of another program may have no TTL to keep.
local left = keep == "1" and redis.call("PTTL", entry) or 0
redis.call("SET", entry, changed, "PX", left > 0 and left or ttl)
redis.call("SET", updates, string.sub(token .. done, 1, ${remembered * tokenLength}), "PX", 60000)
${endLease}
return 1`,
});
