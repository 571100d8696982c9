import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepInPeriod } from "../../../script/period.lua.ts";
import { chooseByEdges, leaveWhatIsOver, memberOfPeriod } from "./parts.lua.ts";

export const removeMemberScript = defineScript({
  keys: ["request", "...counters"],
  args: ["remember", "ttl", "edges", "slices", "...members"],
  decode: text,
  lua: `
${once(
  `
${keepInPeriod}
local removed = redis.call("SREM", counters[place], ${memberOfPeriod})
keep(counters[place])
return tostring(removed)`,
  `${chooseByEdges}${leaveWhatIsOver("0")}`,
)}`,
});
