import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseSpan } from "./board.lua.ts";
import { pageArgs, pageLua } from "./page.lua.ts";
import { standingArgs, standingsLua } from "./standings.lua.ts";

/**
 * Merges the boards of the last periods, unless somebody did so a moment ago. `window` has how many periods there are, how their scores become
 * one, and for how long the merged board is kept. The keys are those of the boards, from the earliest on, then one for each period that
 * the server's clock may be in.
 */
const mergeBoards = `
${chooseSpan}
local last, combine, staleness = string.match(window, "(%d+) (%a+) (%d+)")
local data, levels
local shift = tonumber(shifts)
local scores = keys[#keys - math.max(1, #bounds - 1) + place]
if redis.call("EXISTS", scores) == 0 then
  local merge = {"ZUNIONSTORE", scores, last, unpack(keys, place, place + last - 1)}
  merge[#merge + 1] = "AGGREGATE"
  merge[#merge + 1] = combine
  redis.call(unpack(merge))
  redis.call("PEXPIRE", scores, staleness)
end
`;

export const rollingPageScript = defineScript({
  keys: ["...keys"],
  args: ["window", ...pageArgs],
  decode: raw,
  lua: `
${mergeBoards}
${pageLua}`,
});

export const rollingStandingsScript = defineScript({
  keys: ["...keys"],
  args: ["window", ...standingArgs],
  decode: raw,
  lua: `
${mergeBoards}
${standingsLua}`,
});
