import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, newEpoch } from "../../../script/fragments.lua.ts";
import { headText, noEpoch } from "../format/head.ts";
import { maxFields } from "../format/record.ts";
import { dataPrelude, enlist, keepUntil, reloadSnapshot, returnSnapshot, snapshotText } from "./record.lua.ts";

// The epoch, the number of the session and the limit are taken in the script that creates it: a concurrent revocation comes wholly
// before or wholly after, and two logins cannot both take the last place.
// Answers with the session; 0 if the user has too many, -1 if the data is too large, -2 if it has too many fields, nil if the session has ended meanwhile.
export const createScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: [
    "digest",
    "codec",
    "owner",
    "hasUser",
    "remembered",
    "idleLimit",
    "absoluteLimit",
    "who",
    "maxPerUser",
    "atLimit",
    "maxBytes",
    "...fields",
  ],
  decode: raw,
  lua: `${dataPrelude}
-- A replay finds its own digest, or a tombstone.
if alive then
  ${returnSnapshot}
end
if head or record.x then return false end
local bytes = 0
-- The colon before each name does not count.
for i = 1, #fields, 2 do
  bytes = bytes + #fields[i] - 1 + #fields[i + 1]
end
if bytes > tonumber(maxBytes) then return -1 end
if #fields > ${2 * maxFields + 12} then return -2 end
if codec ~= "json" then
  fields[#fields + 1] = "c"
  fields[#fields + 1] = codec
end
idle = idleLimit
local endsAt = now + absoluteLimit
local expiresAt = math.min(now + idle, endsAt)
local function epochOf(key)
  local epoch = redis.call("HGET", key, "e")
  if not epoch then
    epoch = ${digits(newEpoch)}
    redis.call("HSET", key, "e", epoch)
  end
  ${keepUntil("key", "endsAt")}
  return epoch
end
epoch, number = "${noEpoch}", 0
if hasUser == "1" then
  redis.call("ZREMRANGEBYSCORE", index, "-inf", ${digits("now")})
  local excess = redis.call("ZCARD", index) - maxPerUser + 1
  if tonumber(maxPerUser) > 0 and excess > 0 then
    if atLimit == "refuse" then return 0 end
    -- The index is sorted by expiry, but the sessions that were created first are to go.
    local numbers, evicted = {}, {}
    local members = redis.call("ZRANGE", index, 0, -1)
    for i, member in ipairs(members) do
      numbers[i] = tonumber(string.match(member, "%d+"))
    end
    table.sort(numbers)
    for _, member in ipairs(members) do
      if tonumber(string.match(member, "%d+")) <= numbers[excess] then
        evicted[#evicted + 1] = member
      end
    end
    for i = 1, excess, 1000 do
      redis.call("ZREM", index, unpack(evicted, i, math.min(excess, i + 999)))
    end
    redis.call("HSET", user, "w", numbers[excess])
  end
  epoch = epochOf(user)
  number = redis.call("HINCRBY", user, "n", 1)
  ${enlist}
end
generation = epochOf(bucket)
ends = ${digits("endsAt")}
local createdAt = ${digits("now")}
head = ${headText({ rotatedAt: "createdAt", authenticatedAt: "createdAt" }, "who", "who")}
redis.call("HSET", session, "m", head, "t", createdAt, "w", "1 " .. bytes .. " ", unpack(fields))
redis.call("PEXPIREAT", session, ${digits("expiresAt")})
${reloadSnapshot}
return ${snapshotText}`,
});
