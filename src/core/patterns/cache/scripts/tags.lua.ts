import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepFor } from "../../../script/fragments.lua.ts";

// A tag is a nonce: entries carry the nonces that their tags had before the load, and an entry whose tag has another nonce, or none,
// counts as a miss. So invalidation is one deletion whatever the number of entries, and an evicted tag fails safe.
export const ensureTags = defineScript({
  keys: ["...tags"],
  args: ["nonce", "ttl"],
  decode: texts,
  lua: `
-- The microseconds make the nonce of a replay differ from the nonce that an invalidation took away in between.
local fresh = nonce .. redis.call("TIME")[2]
local nonces = {}
for i, tag in ipairs(tags) do
  nonces[i] = redis.call("GET", tag)
  if not nonces[i] then
    redis.call("SET", tag, fresh, "PX", ttl)
    nonces[i] = fresh
  else
    -- A tag outlives every entry that has it.
    ${keepFor("tag", "ttl")}
  end
end
return nonces`,
});
