import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { chooseBoard } from "./board.lua.ts";

// Counting and reading are one script: between the two the board could become shorter. The nearest-rank method: the first score from the
// last place on that so many percent of the members have or are behind.
export const scoreAtScript = defineScript({
  keys: ["...keys"],
  args: ["spans", "shifts", "order", "percentile"],
  decode: raw,
  lua: `
${chooseBoard}
local size = redis.call("ZCARD", scores)
local index = math.max(1, math.ceil(percentile * size / 100)) - 1
local score = redis.call(order == "ascending" and "ZREVRANGE" or "ZRANGE", scores, index, index, "WITHSCORES")[2]
return score and shift and ${digits("math.floor(score / shift)")} or score or ""`,
});
