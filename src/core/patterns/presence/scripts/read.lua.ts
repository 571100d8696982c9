import { integers, texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { logNames, room, roomNames } from "./room.lua.ts";

// Each first tells who left meanwhile. Run again, it finds nothing more to tell.

// The id of the last transition belongs to the same moment as the list, so that a listener who goes on from there misses nothing.
export const listScript = defineScript({
  keys: [...roomNames],
  args: ["from", "count", ...logNames],
  decode: texts,
  lua: `
${room}
sweep()
local found = {newestId()}
local rows = redis.call("ZRANGEBYSCORE", members, "(" .. from, "+inf", "WITHSCORES", "LIMIT", 0, count)
local names = {}
for i = 1, #rows, 2 do
  names[#names + 1] = rows[i]
end
local kept = rows[1] and redis.call("HMGET", about, unpack(names)) or {}
for i, name in ipairs(names) do
  found[#found + 1] = name
  found[#found + 1] = rows[i * 2]
  -- A Redis that evicts keys may have taken the hash alone.
  found[#found + 1] = kept[i] or ""
end
return found`,
});

export const getScript = defineScript({
  keys: [...roomNames],
  args: ["member", ...logNames],
  decode: texts,
  lua: `
${room}
sweep()
return {redis.call("HGET", about, member) or ""}`,
});

export const countScript = defineScript({
  keys: [...roomNames],
  args: [...logNames],
  decode: integers,
  lua: `
${room}
sweep()
return {redis.call("ZCARD", members), redis.call("ZCARD", visits)}`,
});
