import { flag } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepAlive, keepFeed } from "./append.lua.ts";

export const removeScript = defineScript({
  keys: ["items", "trimmed", "readers", "events", "request"],
  args: ["item", "ttl", "remember"],
  decode: flag,
  lua: once(
    `
local removed = redis.call("XDEL", items, item)
${keepFeed}
return tostring(removed)`,
    keepAlive,
  ),
});
