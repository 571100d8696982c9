import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseBoard, distinctScores } from "./board.lua.ts";

// A member leaves with its data, and the last one of a score with it, in one script, so that nothing of it stays behind.
export const removeScript = defineScript({
  keys: ["request", "...keys"],
  args: ["remember", "member", "spans", "shifts"],
  decode: text,
  lua: once(
    `
if not current then
  return "0"
end
redis.call("HDEL", data, member)
redis.call("ZREM", scores, member)
if levels then
  leave(current)
end
return "1"`,
    `
${chooseBoard}
${distinctScores}
local current = redis.call("ZSCORE", scores, member)
-- A key of another type is refused before the first write, so that nothing is half done.
if current and levels then
  redis.call("ZCARD", levels)
end
`,
  ),
});
