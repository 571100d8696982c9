import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { keepInPeriod } from "../../../script/period.lua.ts";
import { answerMerge, beginMerge, chooseByEdges, leaveWhatIsOver, membersOfPeriod, pauseMerge } from "./parts.lua.ts";

export const addApproximate = defineScript({
  keys: ["request", "...counters"],
  args: ["remember", "ttl", "edges", "slices", "size", "...members"],
  decode: text,
  lua: `
${once(
  `
${keepInPeriod}
${membersOfPeriod}
local changed = redis.call("PFADD", counters[place], unpack(members, first, last))
keep(counters[place])
return changed .. " 0"`,
  `${chooseByEdges}${leaveWhatIsOver("0 0")}`,
)}`,
});

export const countApproximate = defineScript({
  keys: ["...counters"],
  args: ["edges"],
  decode: text,
  lua: `${chooseByEdges}
return ${digits('redis.call("PFCOUNT", counters[place])')} .. " 0 " .. place`,
});

// A HyperLogLog takes 0.04 ms to merge, so that a hundred of them are a step.
export const mergeApproximate = defineScript({
  keys: ["building", "...keys"],
  args: ["edges", "length", "from", "cursor", "fresh"],
  decode: text,
  lua: `${beginMerge(1)}
budget = 100
local last = math.min(current + budget - 1, periods)
redis.call("PFMERGE", building, unpack(keys, offset + current, offset + last))
current = last + 1
${pauseMerge}
${answerMerge('redis.call("PFCOUNT", building)', "0")}`,
});
