import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, newEpoch } from "../../../script/fragments.lua.ts";
import { indexLua, reloadLua, snapshotLua, stampLua, wholeGuard } from "./record.lua.ts";

// The epoch, the number of the session and the limit are taken in the script that creates it: a concurrent revocation comes wholly
// before or wholly after, and two logins cannot both take the last place. A replay finds its own digest, or a tombstone.
// An epoch is born as the server's time in microseconds, so that one that was lost is never counted up to again.
export const createScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "known", "remembered", "idleFor", "absolute", "who", "max", "atLimit", "maxBytes", "...fields"],
  decode: raw,
  lua: `${wholeGuard}${indexLua}${stampLua}
if alive then ${snapshotLua} end
if redis.call("EXISTS", session) == 1 then return false end
local bytes = 0
for i = 1, #fields do bytes = bytes + #fields[i] end
if bytes > tonumber(maxBytes) then return -1 end
local last = now + absolute
local at = math.min(now + idleFor, last)
local function epochOf(key)
  local born = redis.call("HGET", key, "e")
  if not born then
    born = ${digits(newEpoch)}
    redis.call("HSET", key, "e", born)
  end
  keep(key, last)
  return born
end
epoch, number = "-", 0
if known == "1" then
  redis.call("ZREMRANGEBYSCORE", index, "-inf", ${digits("now")})
  local over = redis.call("ZCARD", index) - max + 1
  if tonumber(max) > 0 and over > 0 then
    if atLimit == "refuse" then return 0 end
    local members = redis.call("ZRANGE", index, 0, -1)
    table.sort(members, function(a, b) return tonumber(string.match(a, "%d+")) < tonumber(string.match(b, "%d+")) end)
    for i = 1, over do redis.call("ZREM", index, members[i]) end
    redis.call("HSET", user, "w", string.match(members[over], "%d+"))
  end
  epoch = epochOf(user)
  number = redis.call("HINCRBY", user, "n", 1)
  enlist(at)
end
local born = ${digits("now")}
stamp(digest, epoch, epochOf(bucket), number, ${digits("last")}, idleFor, born, born, remembered, born, string.sub(user, -24), who)
redis.call("HSET", session, "t", born, "w", "1 " .. bytes .. " ")
for i = 1, #fields, 2 do redis.call("HSET", session, ":" .. fields[i], fields[i + 1]) end
redis.call("PEXPIREAT", session, ${digits("at")})
${reloadLua}`,
});
