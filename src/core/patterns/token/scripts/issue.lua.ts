import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, keepFor, newEpoch, serverTime } from "../../../script/fragments.lua.ts";
import {
  attemptsField,
  dataField,
  digestField,
  epochField,
  expiresAtField,
  issuedByField,
  purposeField,
  userEpochField,
  userField,
} from "../format.ts";

// A code replaces the one before it, with its attempts. `request` makes a replay answer what the first execution answered.
export const issueScript = defineScript({
  keys: ["record", "user"],
  args: ["digest", "purpose", "name", "data", "ttl", "attempts", "request"],
  decode: integer,
  lua: `
local issuedBy, expiresAt = unpack(redis.call("HMGET", record, ${issuedByField}, ${expiresAtField}))
if issuedBy == request then
  return expiresAt
end
${serverTime}
expiresAt = ${digits("now + ttl")}
local epoch = redis.call("HGET", user, ${userEpochField})
if not epoch then
  epoch = ${digits(newEpoch)}
  redis.call("HSET", user, ${userEpochField}, epoch)
end
-- Without its epoch the token would be refused.
${keepFor("user", "ttl")}
redis.call("DEL", record)
redis.call("HSET", record, ${digestField}, digest, ${epochField}, epoch, ${purposeField}, purpose, ${userField}, name, ${dataField}, data,
  ${attemptsField}, attempts, ${issuedByField}, request, ${expiresAtField}, expiresAt)
redis.call("PEXPIRE", record, ttl)
return expiresAt`,
});
