import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseBoard } from "./board.lua.ts";

// A repetition that comes late must not take away what came after the first one. UNLINK frees the memory of a large board later.
// It takes keys of any type, so that those of another program are refused before.
export const clearScript = defineScript({
  keys: ["request", "...keys"],
  args: ["remember", "spans", "shifts"],
  decode: text,
  lua: once(
    `
for _, key in ipairs({scores, data, levels}) do
  redis.call("UNLINK", key)
end
return tostring(size)`,
    `
${chooseBoard}
local size = redis.call("ZCARD", scores)
redis.call("HLEN", data)
if levels then
  redis.call("ZCARD", levels)
end`,
  ),
});
