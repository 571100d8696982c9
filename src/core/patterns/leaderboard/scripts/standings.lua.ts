import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { chooseBoard, ranks } from "./board.lua.ts";

/** What every script of standings takes besides the keys. */
export const standingArgs = ["spans", "shifts", "order", "ties", "share", "...members"] as const;

/**
 * Reads rank, score and data of each member, in one script so that the ranks are of one moment. With `share`, the answer ends with how
 * many members are behind the last one asked for, and how many there are.
 */
export const standingsLua = `
${ranks}
local answer = {}
local stored = data and redis.call("HMGET", data, unpack(members)) or {}
local score
for i, member in ipairs(members) do
  score = redis.call("ZSCORE", scores, member)
  answer[#answer + 1] = score and rankOf(member, score)
  answer[#answer + 1] = score and shift and ${digits("math.floor(score / shift)")} or score
  answer[#answer + 1] = score and stored[i] or false
end
if share ~= "" and score then
  -- Whoever has the same score later is level and not behind.
  local from, to = "-inf", "(" .. score
  if up then
    from, to = "(" .. score, "+inf"
  end
  if shift then
    local whole = math.floor(score / shift) * shift
    from, to = "-inf", "(" .. ${digits("whole")}
    if up then
      from, to = "(" .. ${digits("whole + shift - 1")}, "+inf"
    end
  end
  answer[#answer + 1] = redis.call("ZCOUNT", scores, from, to)
  answer[#answer + 1] = redis.call("ZCARD", scores)
end
return answer
`;

export const standingsScript = defineScript({
  keys: ["...keys"],
  args: standingArgs,
  decode: raw,
  lua: `
${chooseBoard}
${standingsLua}`,
});
