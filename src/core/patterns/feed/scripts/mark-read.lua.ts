import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepAlive } from "./append.lua.ts";

// An id is two numbers of 64 bits. A number of Lua does not hold them, so their digits are compared. A marker beyond the newest item would
// hide what comes later. So it stops there, and where nothing is left at the newest item that was trimmed.
export const markReadScript = defineScript({
  keys: ["items", "trimmed", "readers", "request"],
  args: ["reader", "item", "ttl", "remember"],
  decode: text,
  lua: once(
    `
local marker = redis.call("HGET", readers, reader)
local entry = redis.call("XREVRANGE", items, "+", "-", "COUNT", 1)[1]
local newest = entry and entry[1] or redis.call("GET", trimmed)
if not newest then
  return marker or ""
end
if isNewer(item, newest) then
  item = newest
end
if not marker or isNewer(item, marker) then
  redis.call("HSET", readers, reader, item)
  marker = item
end
keep(readers)
return marker`,
    `
${keepAlive}
local function isGreater(one, other)
  if #one ~= #other then
    return #one > #other
  end
  return one > other
end
local function isNewer(one, other)
  local oneTime, oneNumber = string.match(one, "(%d+)-(%d+)")
  local otherTime, otherNumber = string.match(other, "(%d+)-(%d+)")
  if oneTime ~= otherTime then
    return isGreater(oneTime, otherTime)
  end
  return isGreater(oneNumber, otherNumber)
end
`,
  ),
});
