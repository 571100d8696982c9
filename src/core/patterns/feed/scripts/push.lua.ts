import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { appendItem, keepAlive, keepFeed } from "./append.lua.ts";

// Adding, trimming and the time to live are one script, so that no feed is ever longer than it may be, or stays for ever.
export const pushScript = defineScript({
  keys: ["items", "trimmed", "readers", "events", "request"],
  args: ["item", "length", "ttl", "remember"],
  decode: text,
  lua: once(
    `
${appendItem}
${keepFeed}
return added`,
    keepAlive,
  ),
});
