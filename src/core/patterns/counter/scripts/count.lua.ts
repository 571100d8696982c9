import { raw } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { future, mostCount, pageSize, refused, unreadable } from "../format.ts";

const page = `bucket * ${pageSize}`;

// The server's clock chooses the bucket, unless `at` says one. `pages` follow each other, and the first of them begins at `first`. If the
// server's time is in none of them, its time is answered, and the caller asks again with the pages around that. A page lives until its
// last bucket is too old. What is too old already is not counted.
export const countScript = defineScript({
  keys: ["request", "...pages"],
  args: ["by", "at", "first", "bucket", "age", "remember"],
  decode: raw,
  lua: once(
    `
-- Redis counts up to 2^63. Nobody sees this: a script is one step.
if math.abs(value) > ${mostCount} then
  redis.call("HINCRBY", page, field, ${digits("-by")})
  return "${refused}"
end
redis.call("PEXPIREAT", page, ${digits(`first + (index + 1) * ${page} + age`)})
return ${digits("value")}`,
    `
${serverTime}
local instant = tonumber(at) or now
local place = math.floor((instant - first) / bucket)
local index = math.floor(place / ${pageSize})
local page = pages[index + 1]
local field = place % ${pageSize}
if not page then
  return "@" .. ${digits("now")}
end
if instant > now + bucket then
  return "${future}"
end
if first + (place + 1) * bucket <= now - age then
  return "0"
end
local value = redis.pcall("HINCRBY", page, field, by)
if type(value) == "table" then
  -- What is no count is told apart from other errors, which come again.
  local stored = redis.call("HGET", page, field) or "0"
  if stored ~= "0" and not string.match(stored, "^-?[1-9]%d*$") or math.abs(stored) > ${mostCount} then
    return "${unreadable}"
  end
  value = redis.call("HINCRBY", page, field, by)
end`,
  ),
});
