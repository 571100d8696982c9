import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
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

export const addExact = defineScript({
  keys: ["request", "...counters"],
  args: ["remember", "ttl", "edges", "slices", "size", "...members"],
  decode: text,
  lua: `
${once(
  `
${keepInPeriod}
${membersOfPeriod}
local added = redis.call("SADD", counters[place], unpack(members, first, last))
keep(counters[place])
return added .. " 1"`,
  `${chooseByEdges}${leaveWhatIsOver("0 1")}`,
)}`,
});

export const countExact = defineScript({
  keys: ["...counters"],
  args: ["edges"],
  decode: text,
  lua: `${chooseByEdges}
return redis.call("SCARD", counters[place]) .. " 1 " .. place`,
});

// A set of any size is merged in steps, so that no script holds up the server.
export const mergeExact = defineScript({
  keys: ["building", "...keys"],
  args: ["edges", "length", "from", "cursor", "fresh"],
  decode: text,
  lua: `${beginMerge(1)}
local sets = {unpack(keys, offset + 1, offset + periods)}
if isFirst then
  ${uniteAtOnce()}
end
while current <= periods and budget > 0 do
  ${addPage("SADD", "sets[current]")}
end
${pauseMerge}
${answerMerge('redis.call("SCARD", building)', "1")}`,
});
