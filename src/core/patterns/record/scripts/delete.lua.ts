import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { checkVersion, readVersion, versionName } from "./record.lua.ts";

// A late copy of the call must not delete what was set after it. Answers with "1" if there was a record, "0" if not, or "conflict".
export const deleteScript = defineScript({
  keys: ["record", "request"],
  args: ["wanted", "remember"],
  decode: text,
  lua: once(
    `
return tostring(redis.call("DEL", record))`,
    `
local stored = redis.call("HGET", record, ${versionName})
${readVersion}
if wanted ~= "" and (stored or redis.call("EXISTS", record) == 1) then
  ${checkVersion("true")}
end`,
  ),
});
