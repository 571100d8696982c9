import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { headPattern } from "../format/head.ts";

/** Drops the members whose time is over and answers with the others, those that would live longest first. */
export const listMembersScript = defineScript({
  keys: ["index"],
  args: [],
  decode: texts,
  lua: `${serverTime}
redis.call("ZREMRANGEBYSCORE", index, "-inf", ${digits("now")})
return redis.call("ZREVRANGE", index, 0, -1)`,
});

/**
 * Describes the records that are alive, and drops the members of all others: they were revoked by their id, or are lost. A session that a login is about to end keeps its place, since the login may be refused.
 */
export const describeRecordsScript = defineScript({
  keys: ["user", "index", "bucket", "...records"],
  args: ["...members"],
  decode: decodeRows,
  lua: `
local owner = redis.call("HMGET", user, "e", "w")
local current = redis.call("HGET", bucket, "e")
local rows = {}
for i = 1, #records do
  local record = redis.call("HMGET", records[i], "m", "t", "left")
  local epoch, generation, number, rest =
    string.match(record[1] or "", "${headPattern("ends", ["epoch", "generation", "number"])} (.+)$")
  if epoch and epoch == owner[1] and generation == current and tonumber(number) > tonumber(owner[2] or 0) then
    rows[#rows + 1] = {members[i], record[2], rest}
  elseif not record[3] then
    redis.call("ZREM", index, members[i])
  end
end
return rows`,
});

/** One row for each live session: its member of the index, when it was seen, its head from `ends`. */
function decodeRows(reply: Reply): string[][] {
  return Array.isArray(reply) ? reply.map(texts) : [];
}
