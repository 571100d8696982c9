import { flag } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";

// UNLINK lets go of a long feed and its many readers without holding others up. Alone it would delete keys of any type, such as those of
// another program.
export const clearFeedScript = defineScript({
  keys: ["items", "trimmed", "readers", "events", "request"],
  args: ["remember"],
  decode: flag,
  lua: once(
    `
return tostring(redis.call("UNLINK", items, trimmed, readers, events) > 0 and 1 or 0)`,
    `
redis.call("XLEN", items)
redis.call("GET", trimmed)
redis.call("HLEN", readers)
redis.call("ZCARD", events)`,
  ),
});
