import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { checkSize, keepAlive, measure, nextVersion, readVersion, versionName } from "./record.lua.ts";

// Doubles are exact up to 2^53, and a sum of two such numbers is never rounded below that, so that the script adds by itself and writes the
// number and the version by one command. Only a new property is measured: an old one grows by no more than the digits of a number.
// Answers with the new number, "none" if there is no record, "word" if the property holds no whole number, "beyond" if it would leave
// 2^53, "large" and the size, "full", or "later".
export const incrementScript = defineScript({
  keys: ["record", "request"],
  args: ["field", "by", "maxBytes", "ttl", "remember"],
  decode: text,
  lua: once(
    `
if not isThere then
  return "none"
end
${nextVersion}
redis.call("HSET", record, ${versionName}, nextVersion, field, sum)
${keepAlive}
return sum`,
    `
local stored, number = unpack(redis.call("HMGET", record, ${versionName}, field))
local isThere = stored or number or redis.call("EXISTS", record) == 1
${readVersion}
-- Where our version is absent, another program wrote the record, or a later version of this one.
if isThere and not (stored and number) then
  local pairsThere = redis.call("HGETALL", record)
  ${measure}
  local countAfter, bytesAfter = count, bytes
  if not number then
    countAfter, bytesAfter = count + 1, bytes + #field + #by
  end
  ${checkSize}
end
local value = number or "0"
if value ~= "0" and not string.match(value, "^-?[1-9]%d*$") then
  return "word"
end
local sum = value + by
local most = 9007199254740991
if math.abs(value) > most or math.abs(sum) > most then
  return "beyond"
end
sum = ${digits("sum")}`,
  ),
});
