import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { pageSize } from "../format.ts";

// One script reads all pages, so that no count is in two points or in none. With `back` the server's clock chooses those of the pages that
// are read: from the one of `back` milliseconds ago to the present one. If they are not among `pages`, the first of which begins at `first`,
// the server's time is answered, and the caller asks again with the pages around that. The answer: the server's time, the start of the first
// page that was read, and the fields and values of each.
export const rangeScript = defineScript({
  keys: ["...pages"],
  args: ["first", "bucket", "back"],
  decode: raw,
  lua: `
${serverTime}
local size = bucket * ${pageSize}
local from = 1
local to = #pages
if back ~= "" then
  from = math.floor((now - back - first) / size) + 1
  to = math.floor((now - first) / size) + 1
  if from < 1 or to > #pages then
    return "@" .. ${digits("now")}
  end
end
local reply = {${digits("now")}, ${digits("first + (from - 1) * size")}}
for i = from, to do
  reply[#reply + 1] = table.concat(redis.call("HGETALL", pages[i]), " ")
end
return reply`,
});
