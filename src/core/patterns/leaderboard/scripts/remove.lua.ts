import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseBoard, levelCounts } from "./board.lua.ts";

// A member leaves with its data and its count in one script, so that nothing of it stays behind.
export const removeScript = defineScript({
  keys: ["request", "...keys"],
  args: ["remember", "member", "spans", "shifts"],
  decode: text,
  lua: once(
    `
if not current then
  return "0"
end
if levels then
  leave(current)
end
redis.call("HDEL", data, member)
redis.call("ZREM", scores, member)
return "1"`,
    `
${chooseBoard}
${levelCounts}
local current = redis.call("ZSCORE", scores, member)
-- A key of another type is refused before the first write, so that nothing is half done.
if levels then
  redis.call("ZCARD", levels)
  redis.call("HLEN", counts)
  redis.call("HLEN", data)
end
`,
  ),
});
