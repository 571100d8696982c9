import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { keepInPeriod } from "../../../script/period.lua.ts";
import { countAt, headerLength } from "../format.ts";
import { chooseGenerations, look } from "./generations.lua.ts";

/**
 * Reads both generations, and leaves alone what has another header: the answer is then `!` and that header. Nothing was written yet, and the
 * request is not remembered.
 */
const readAll = `
${chooseGenerations}
${look}
local shape = {mark, bits, hashes, secret}
local function isOther(found, filter)
  local same, empty = true, true
  for i, number in ipairs(shape) do
    same = same and found[i] == tonumber(number)
    empty = empty and found[i] == 0
  end
  return not same and not (empty and redis.call("EXISTS", filter) == 0)
end
local function refuse(found)
  return string.format("!%.0f %.0f %.0f %.0f", found[1], found[2], found[3], found[4])
end
local found = look(current)
if isOther(found, current) then
  return refuse(found)
end
local past = older and look(older)
if past and isOther(past, older) then
  return refuse(past)
end
`;

// Looking and adding are one script, so that of two that add an item together one hears that it was new. It answers with a 1 for each item
// that was, else a 0. The first item makes the string as long as it will ever be, so that Redis never copies it. The number of set bits is
// counted here, since counting them later would take the time of reading all.
export const addScript = defineScript({
  keys: ["request", "...filters"],
  args: ["remember", "ttl", "starts", "last", "mark", "bits", "hashes", "secret", "...places"],
  decode: text,
  lua: once(
    `
local sets = {}
if found[1] == 0 then
  sets = {"SET", "u1", last, 0, "SET", "u32", 0, mark, "SET", "u32", 32, bits, "SET", "u32", 64, hashes, "SET", "u32", 96, secret}
end
local n = #sets
local function set(kind, at, value)
  sets[n + 1], sets[n + 2], sets[n + 3], sets[n + 4] = "SET", kind, at, value
  n = n + 4
end
local isSet, isNew, wasNew = {}, {}, {}
local count = found[${headerLength}]
for i, at in ipairs(places) do
  local item = math.ceil(i / hashes)
  -- Items may share a bit, with themselves or with those before them.
  if found[${headerLength} + i] == 0 and not isSet[at] then
    isSet[at], isNew[item] = true, true
    count = count + 1
    set("u1", at, 1)
  end
  if not past or past[${headerLength} + i] == 0 then
    wasNew[item] = true
  end
end
if #sets > 0 then
  set("u32", ${countAt}, ${digits("count")})
end
-- The stack of Lua is limited.
for from = 1, #sets, 3600 do
  redis.call("BITFIELD", current, unpack(sets, from, math.min(from + 3599, #sets)))
end
${keepInPeriod}
keep(current)
local answers = {}
for item = 1, #places / hashes do
  answers[item] = isNew[item] and wasNew[item] and "1" or "0"
end
return table.concat(answers)`,
    readAll,
  ),
});
