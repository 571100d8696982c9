import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { chooseBoard, ranks } from "./board.lua.ts";
import { answerPage, pageArgs, seekEntry } from "./page.lua.ts";

// A range of scores is a range of positions, so that a page of it has ranks and a cursor as any other.
export const byScoreScript = defineScript({
  keys: ["...keys"],
  args: [...pageArgs, "min", "max"],
  decode: raw,
  lua: `
${chooseBoard}
${ranks}
if shift then
  min = min == "-inf" and min or ${digits("min * shift")}
  max = max == "+inf" and max or ${digits("max * shift + shift - 1")}
end
${seekEntry}
first = math.max(first, countAhead(up and min or max))
if up then
  last = redis.call("ZCOUNT", scores, "-inf", max) - 1
else
  last = redis.call("ZCOUNT", scores, min, "+inf") - 1
end
if last < first then
  return {place, 0, 0, 0}
end
${answerPage}`,
});
