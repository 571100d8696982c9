import { text } from "../../../port/reply.ts";
import { appendToLog } from "../../../script/append.lua.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";

// Keeping a message and announcing it is one script, so that none is kept and never announced, and none is announced that is not kept. It
// answers with the id, and the number of receivers, or `!` and why the user may not publish.
export const publishScript = defineScript({
  keys: ["log", "last", "request"],
  args: ["channel", "data", "age", "length", "remember"],
  decode: text,
  lua: once(
    `
local id, receivers = append(data)
if type(receivers) == "table" then
  receivers = "!" .. receivers.err
end
return id .. " " .. receivers`,
    appendToLog,
  ),
});
