import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { keepInPeriod } from "../../../script/period.lua.ts";
import {
  addPage,
  answerMerge,
  beginMerge,
  chooseByEdges,
  leaveWhatIsOver,
  membersOfPeriod,
  pauseMerge,
  uniteAtOnce,
} from "./parts.lua.ts";

// The set becomes a HyperLogLog within the script of the add that makes it too large: no other add can come between the reading of the
// set and its end, so that no member is lost. The set then has what is exact and the members of one call, which is bounded.
export const addHybrid = defineScript({
  keys: ["request", "...counters"],
  args: ["remember", "ttl", "edges", "slices", "size", "exactUntil", "...members"],
  decode: text,
  lua: `
${once(
  `
${keepInPeriod}
${membersOfPeriod}
local set = counters[place * 2 - 1]
local estimate = counters[place * 2]
if redis.call("EXISTS", estimate) == 1 then
  local changed = redis.call("PFADD", estimate, unpack(members, first, last))
  keep(estimate)
  return changed .. " 0"
end
local added = redis.call("SADD", set, unpack(members, first, last))
if redis.call("SCARD", set) <= tonumber(exactUntil) then
  keep(set)
  return added .. " 1"
end
local all = redis.call("SMEMBERS", set)
for from = 1, #all, 1000 do
  redis.call("PFADD", estimate, unpack(all, from, math.min(from + 999, #all)))
end
redis.call("UNLINK", set)
keep(estimate)
return added .. " 1"`,
  `${chooseByEdges}${leaveWhatIsOver("0 1")}`,
)}`,
});

export const countHybrid = defineScript({
  keys: ["...counters"],
  args: ["edges"],
  decode: text,
  lua: `${chooseByEdges}
local estimate = counters[place * 2]
if redis.call("EXISTS", estimate) == 1 then
  return ${digits('redis.call("PFCOUNT", estimate)')} .. " 0 " .. place
end
return redis.call("SCARD", counters[place * 2 - 1]) .. " 1 " .. place`,
});

// Sets that are few are united exactly. Otherwise all of it becomes one HyperLogLog: members of sets are added to it, and what is one already
// is merged, at the price of some hundred members.
export const mergeHybrid = defineScript({
  keys: ["building", "...keys"],
  args: ["edges", "length", "from", "cursor", "fresh"],
  decode: text,
  lua: `${beginMerge(2)}
if isFirst then
  local sets, estimates = {}, {}
  for i = 1, periods do
    sets[i] = keys[offset + i * 2 - 1]
    estimates[i] = keys[offset + i * 2]
  end
  if redis.call("EXISTS", unpack(estimates)) == 0 then
    ${uniteAtOnce()}
  end
  -- Should another program's key end the script half-way, what was built ends, too.
  redis.call("PFADD", building)
  redis.call("PEXPIRE", building, 60000)
end
while current <= periods and budget > 0 do
  local estimate = keys[offset + current * 2]
  if redis.call("EXISTS", estimate) == 1 then
    redis.call("PFMERGE", building, estimate)
    budget = budget - 100
    current = current + 1
    cursor = "0"
  else
    ${addPage("PFADD", "keys[offset + current * 2 - 1]")}
  end
end
${pauseMerge}
${answerMerge('redis.call("PFCOUNT", building)', "0")}`,
});
