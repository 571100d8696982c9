import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { refused } from "../format.ts";
import { readCounter, writeCounter } from "./counter.lua.ts";

// Reading, comparing with the bounds and writing are one script, so that callers who come together cannot pass a bound together. A count
// that is out of its bounds already may come nearer to them.
export const incrementScript = defineScript({
  keys: ["counter", "request"],
  args: ["by", "min", "max", "ttl", "remember"],
  decode: text,
  lua: once(
    `
local sum = value + by
if sum < value and sum < tonumber(min) or sum > value and sum > tonumber(max) then
  return "${refused}" .. stored
end
local written = ${digits("sum")}
${writeCounter("written")}
return written`,
    readCounter,
  ),
});
