import { raw } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { writeCounter } from "./counter.lua.ts";

// `once` keeps a late copy of this call from undoing what was counted after it. SET alone would replace a key of any type.
export const setCounterScript = defineScript({
  keys: ["counter", "request"],
  args: ["value", "ttl", "remember"],
  decode: raw,
  lua: once(`${writeCounter("value")}\nreturn value`, `redis.call("GET", counter)`),
});
