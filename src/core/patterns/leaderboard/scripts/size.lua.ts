import { raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseSpan } from "./board.lua.ts";

export const sizeScript = defineScript({
  keys: ["...keys"],
  args: ["spans"],
  decode: raw,
  lua: `
${chooseSpan}
return redis.call("ZCARD", keys[place])`,
});
