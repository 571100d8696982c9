import { flag } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";

// `once` keeps a late copy of this call from deleting what was counted after it. DEL alone would delete a key of any type.
export const deleteCounterScript = defineScript({
  keys: ["counter", "request"],
  args: ["remember"],
  decode: flag,
  lua: once(`return tostring(redis.call("DEL", counter))`, `redis.call("GET", counter)`),
});
