import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseByEdges } from "./parts.lua.ts";

// The answer is the number of the period, the next cursor, and the members.
export const listMembersScript = defineScript({
  keys: ["...counters"],
  args: ["edges", "cursor", "limit"],
  decode: raw,
  lua: `${chooseByEdges}
local page = redis.call("SSCAN", counters[place], cursor, "COUNT", limit)
return {place, page[1], page[2]}`,
});
