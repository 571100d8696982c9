import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepFor } from "../../../script/fragments.lua.ts";

// A tag is a nonce: entries carry the nonces that their tags had before the load, and an entry whose tag has another nonce, or none,
// counts as a miss. So invalidation is one deletion whatever the number of entries, and an evicted tag fails safe. The microseconds
// make the nonce of a replay differ from the nonce that an invalidation took away in between.
export const ensureTags = defineScript({
  keys: ["...tags"],
  args: ["nonce", "ttl"],
  decode: texts,
  lua: `
local fresh = nonce .. redis.call("TIME")[2]
local found = {}
for i, tag in ipairs(tags) do
  found[i] = redis.call("GET", tag)
  if not found[i] then
    redis.call("SET", tag, fresh, "PX", ttl)
    found[i] = fresh
  else
    ${keepFor("tag", "ttl")}
  end
end
return found`,
});
