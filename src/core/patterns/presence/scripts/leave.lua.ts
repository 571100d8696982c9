import { flag } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { logNames, room, roomNames } from "./room.lua.ts";

// The answer is kept under the name of the visit, so that a join that arrives later finds it.
export const leaveScript = defineScript({
  keys: [...roomNames, "request"],
  args: ["visit", "member", "remember", ...logNames],
  decode: flag,
  lua: once(
    `
sweep()
local ends = redis.call("ZSCORE", visits, visit .. ":" .. member)
if not ends then
  return "0"
end
exit(visit, member, ${digits("math.min(now, ends)")})
return tonumber(ends) >= now and "1" or "0"`,
    `
${room}`,
  ),
});
