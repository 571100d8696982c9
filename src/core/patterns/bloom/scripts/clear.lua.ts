import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { chooseGenerations } from "./generations.lua.ts";

// A call that is sent twice must not forget what was added in between. UNLINK alone would delete a key of any type.
export const clearScript = defineScript({
  keys: ["request", "...filters"],
  args: ["remember", "starts"],
  decode: text,
  lua: once(
    `
redis.call("UNLINK", current, older or current)
return "cleared"`,
    `
${chooseGenerations}
redis.call("STRLEN", current)
if older then
  redis.call("STRLEN", older)
end`,
  ),
});
