import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { readCounter } from "./counter.lua.ts";

// Reading and resetting are one script: what is counted meanwhile is either in the answer or left for the next one. The same request gets
// the same count again, so that a caller who died with it can ask once more.
export const takeCounterScript = defineScript({
  keys: ["counter", "request"],
  args: ["remember"],
  decode: text,
  lua: once(`redis.call("DEL", counter)\nreturn stored`, readCounter),
});
