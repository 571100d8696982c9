import { flag, integer } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { keepAlive } from "./append.lua.ts";

// Adding, trimming and the time to live are one script: in a pipeline, others see a list that is too long, and a client that dies in between
// leaves one.
export const pushRecentScript = defineScript({
  keys: ["list", "request"],
  args: ["item", "length", "unique", "ttl", "remember"],
  decode: flag,
  lua: once(
    `
if unique == "1" then
  redis.call("LREM", list, 0, item)
end
redis.call("LPUSH", list, item)
redis.call("LTRIM", list, 0, length - 1)
keep(list)
return "1"`,
    keepAlive,
  ),
});

export const removeRecentScript = defineScript({
  keys: ["list", "request"],
  args: ["item", "ttl", "remember"],
  decode: integer,
  lua: once(
    `
local removed = redis.call("LREM", list, 0, item)
keep(list)
return tostring(removed)`,
    keepAlive,
  ),
});

export const clearRecentScript = defineScript({
  keys: ["list", "request"],
  args: ["remember"],
  decode: flag,
  // DEL alone would delete a key of any type, such as that of another program.
  lua: once(`return tostring(redis.call("DEL", list))`, `redis.call("LLEN", list)`),
});
