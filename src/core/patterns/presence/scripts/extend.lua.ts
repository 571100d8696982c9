import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { keepRoom, logNames, room, roomNames } from "./room.lua.ts";

// It never shortens a visit: an extension may arrive out of order. A visit that has ended stays so, and its caller joins again.
export const extendScript = defineScript({
  keys: [...roomNames],
  args: ["visit", "member", "ttl", "life", ...logNames],
  decode: flag,
  lua: `
${room}
${keepRoom}
sweep()
local entry = visit .. ":" .. member
local ends = redis.call("ZSCORE", visits, entry)
if not ends or tonumber(ends) < now then
  return 0
end
redis.call("ZADD", visits, ${digits("math.max(now + ttl, ends)")}, entry)
keepRoom()
return 1`,
});
