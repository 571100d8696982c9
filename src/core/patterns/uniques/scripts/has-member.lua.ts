import { text } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseByEdges, memberOfPeriod } from "./parts.lua.ts";

export const hasMemberScript = defineScript({
  keys: ["...counters"],
  args: ["edges", "slices", "...members"],
  decode: text,
  lua: `${chooseByEdges}
return tostring(redis.call("SISMEMBER", counters[place], ${memberOfPeriod}))`,
});
