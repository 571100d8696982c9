import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { checkSize, checkVersion, keepAlive, measure, nextVersion, readVersion, versionName } from "./record.lua.ts";

// The record is measured where it is changed: two updates that are each small enough may be too large together. Answers with the new
// version, "none" if there is no record, "conflict", "large" and the size, "full", or "later".
export const updateScript = defineScript({
  keys: ["record", "request"],
  // `removed` is how many of the parts are fields to remove; the others are fields and values.
  args: ["wanted", "create", "maxBytes", "ttl", "remember", "removed", "...parts"],
  decode: text,
  lua: once(
    `
if #pairsThere == 0 and create ~= "1" then
  return "none"
end
${nextVersion}
redis.call("HSET", record, ${versionName}, nextVersion, unpack(parts, removed + 1))
if removed > 0 then
  redis.call("HDEL", record, unpack(parts, 1, removed))
end
${keepAlive}
return nextVersion`,
    `
removed = tonumber(removed)
local pairsThere = redis.call("HGETALL", record)
${measure}
local stored = storedVersion
${readVersion}
local countAfter, bytesAfter = count, bytes
for i = 1, removed do
  local size = sizes[parts[i]]
  if size then
    countAfter = countAfter - 1
    bytesAfter = bytesAfter - size
  end
end
for i = removed + 1, #parts, 2 do
  local size = sizes[parts[i]]
  if not size then
    countAfter = countAfter + 1
  end
  bytesAfter = bytesAfter + #parts[i] + #parts[i + 1] - (size or 0)
end
-- Where there is nothing to update, that is the answer.
if #pairsThere > 0 or create == "1" then
  ${checkVersion("#pairsThere > 0")}
  ${checkSize}
end`,
  ),
});
