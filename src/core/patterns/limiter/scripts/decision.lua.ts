import { integers } from "../../../port/reply.ts";
import { defineScript, type Script } from "../../../script/define-script.ts";

type Names = "key" | "...seen" | "id" | "...numbers";

/** The script of an algorithm. It answers `[wait, free, reset]`: milliseconds, units, milliseconds. */
export interface Decision extends Script<Names, number[]> {
  /** The algorithm alone: the body of a Lua function. */
  readonly plan: string;
}

/** Looks the call's id up among the `ids` of the last calls that were counted: what was counted takes nothing again. */
export const findAgain = `ids=ids or ""
local again=string.find(ids,id,1,true)
if again and cost>0 then cost=0 end
`;

/**
 * Makes a script of an algorithm, given as the body of `function(key,id,cost,hold,a,b,c)`. It returns how long until the cost fits;
 * what is free now, below 0 where the id is blocked or booked ahead; how long until everything is free; whether the request id was
 * counted before, 1 if it was the last; and a function that writes the decision and says how long until everything is free then.
 *
 * Reading, deciding and writing are one script, so that no two callers take the same unit. `most` is the longest acceptable wait: 0
 * decides, -1 only looks, more books ahead. A cost below 0 gives units back; `hold` blocks for so long, and -1 cancels the newest.
 * `numbers` are the algorithm's three, and then these three, which are left out for a decision about one unit: what most calls ask is
 * the least to send and to read.
 */
export function decision(plan: string): Decision {
  const script = defineScript({
    keys: ["key", "...seen"],
    args: ["id", "...numbers"],
    decode: integers,
    lua: `local function plan(key,id,cost,hold,a,b,c)
${plan}
end
local cost,most,hold=1,0,0
if numbers[4] then cost,most,hold=tonumber(numbers[4]),tonumber(numbers[5]),tonumber(numbers[6]) end
local done=seen[1] and redis.call("EXISTS",seen[1])==1
local wait,free,reset,again,write=plan(key,id,done and 0 or cost,hold,tonumber(numbers[1]),tonumber(numbers[2]),tonumber(numbers[3]))
if hold<0 then done=again~=1 else done=done or again end
if done then
if most<=0 then wait=0 end
elseif cost<0 or wait<=most then
free=free-cost
reset=write()
if seen[1] then redis.call("SET",seen[1],"","PX",60000) end
end
return {wait,free,reset}`,
  });
  return Object.assign(script, { plan });
}
