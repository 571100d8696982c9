import { texts } from "../../../port/reply.ts";
import type { Reply } from "../../../port/redis.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, serverTime } from "../../../script/fragments.lua.ts";

/** Drops what has expired and names the rest, the newest first. */
export const membersScript = defineScript({
  keys: ["index"],
  args: [],
  decode: texts,
  lua: `${serverTime}
redis.call("ZREMRANGEBYSCORE", index, "-inf", ${digits("now")})
return redis.call("ZREVRANGE", index, 0, -1)`,
});

/** Describes the live ones of the records, and drops the members of the others: they were revoked by their id, or lost. */
export const describeScript = defineScript({
  keys: ["user", "index", "bucket", "...records"],
  args: ["...members"],
  decode: rows,
  lua: `
local u = redis.call("HMGET", user, "e", "w")
local g = redis.call("HGET", bucket, "e")
local reply = {}
for i = 1, #records do
  local r = redis.call("HMGET", records[i], "m", "t")
  local epoch, generation, number, about = string.match(r[1] or "", "^%S+ (%S+) (%d+) (%d+) (.+)$")
  if epoch and epoch == u[1] and generation == g and tonumber(number) > tonumber(u[2] or 0) then
    reply[#reply + 1] = {members[i], r[2], about}
  else
    redis.call("ZREM", index, members[i])
  end
end
return reply`,
});

function rows(reply: Reply): string[][] {
  return Array.isArray(reply) ? reply.map(texts) : [];
}
