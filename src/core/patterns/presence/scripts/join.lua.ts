import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { keepRoom, logNames, room, roomNames } from "./room.lua.ts";

/** What the join answers where its visit was left before: it then does nothing. */
export const leftAnswer = "left";

// A member that has a visit already only gets one more, and nobody is told. The places in the list are the server's time in microseconds and
// all different, so that a page goes on behind the last member of the one before. A join that arrives after its visit was left does nothing.
export const joinScript = defineScript({
  keys: [...roomNames, "request", "left"],
  args: ["visit", "member", "data", "ttl", "life", "remember", ...logNames],
  decode: text,
  lua: once(
    `
sweep()
local entry = visit .. ":" .. member
local ends = redis.call("ZSCORE", visits, entry)
if ends and tonumber(ends) < now then
  exit(visit, member, ends)
  ends = nil
end
if ends then
  redis.call("ZADD", visits, ${digits("math.max(now + ttl, ends)")}, entry)
  keepRoom()
  return visit
end
local count, since, kept = read(member)
local latest = 0
if count == 0 then
  latest = redis.call("ZRANGE", members, -1, -1, "WITHSCORES")[2] or 0
  tell("joined", member, since, data)
end
redis.call("ZADD", visits, ${digits("now + ttl")}, entry)
write(member, count + 1, since, data ~= "" and data or kept)
if count == 0 then
  redis.call("ZADD", members, ${digits("math.max(clock[1] * 1000000 + clock[2], latest + 1)")}, member)
end
keepRoom(true)
return visit`,
    `
if redis.call("EXISTS", left) == 1 then
  return "${leftAnswer}"
end
${room}
${keepRoom}`,
  ),
});
