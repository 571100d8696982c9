import { integers } from "../../../port/reply.ts";
import { defineScript, type Script } from "../../../script/define-script.ts";

type Names = "key" | "...seen" | "call" | "...numbers";

/** The script of an algorithm. It answers `[wait, free, reset]`: milliseconds, units, milliseconds. */
export interface Decision extends Script<Names, number[]> {
  /** The algorithm alone: a Lua function. */
  readonly plan: string;
}

/**
 * Defines the script of an algorithm. Reading, deciding and writing are one script, so that no two callers take the same unit.
 *
 * The plan takes `key`, where the state is; `call`, the id of this call; `units`, how many to take, below 0 to give back, 0 to look;
 * `block`, for how long to block if it is above 0; `cancels`, whether to undo the newest call; and the algorithm's numbers, which are `text1` and so on as they were sent. It returns
 * how long until the units fit; how many are free now; how long until all are free; the place of this call among those that were
 * counted last, 1 for the newest; a function that writes the decision and returns how long until all are free then; and whether the id
 * is blocked or booked ahead, if what is free does not show it.
 *
 * The script takes the algorithm's three `numbers`, and behind them `cost`, `maxWait` and `hold`. A `cost` below 0 gives back. `maxWait`
 * is the longest wait to accept, by booking units ahead: 0 books none, -1 takes nothing at all. `hold` blocks for so long, and -1
 * cancels. `seen` is a key that remembers a call by the name that its caller gave it.
 * @param numbers The plan's names for the algorithm's numbers; one that has none is not read.
 * @param plan The body of a Lua function.
 * @param look What the plan reads first, where the script alone does so before it.
 * @param quick What the script does with it before everything else. It may return the answer to a usual call.
 */
export function defineDecision(numbers: readonly string[], plan: string, look = "", quick = ""): Decision {
  const texts = numbers.map((_, i) => `text${i + 1}`);
  const functionOf = (body: string) => `function(key, call, units, block, cancels, ${texts.join(", ")})
local ${numbers.join(", ")} = ${texts.map((text) => `tonumber(${text})`).join(", ")}
${body}
end`;
  const script = defineScript({
    keys: ["key", "...seen"],
    args: ["call", "...numbers"],
    decode: integers,
    lua: `${look}${quick}local plan = ${functionOf(plan)}
-- Most calls take one unit and send no more than that: the least to send and to read.
local cost, maxWait, hold = 1, 0, 0
if numbers[4] then
  cost, maxWait, hold = tonumber(numbers[4]), tonumber(numbers[5]), tonumber(numbers[6])
end
local cancels = hold < 0
-- A client may send a script twice. What was counted is not counted again.
local counted = seen[1] and redis.call("EXISTS", seen[1]) == 1
local wait, free, reset, place, write, blocked = plan(key, call, counted and 0 or cost, hold, cancels, ${numbers.map((_, i) => `numbers[${i + 1}]`).join()})
if blocked then free = -1 end
if cancels then
  -- Only the newest call can be undone: what was promised after another rests on it.
  counted = place ~= 1
else
  counted = counted or place
end
if counted then
  -- A call that booked ahead is told its wait again.
  if maxWait <= 0 then wait = 0 end
elseif cost < 0 or hold > 0 or wait <= maxWait then
  free = free - cost
  reset = write()
  if seen[1] then redis.call("SET", seen[1], "", "PX", 60000) end
end
return {wait, free, reset}`,
  });
  return Object.assign(script, { plan: functionOf(look + plan) });
}
