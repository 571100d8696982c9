import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { guard, unlistLua } from "./record.lua.ts";

// What is left is a tombstone: a replayed create that comes after the end finds it and creates nothing.
export const destroyScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "tombstone"],
  decode: flag,
  lua: `${guard}
if not alive then return 0 end
redis.call("DEL", session)
redis.call("HSET", session, "x", 1)
redis.call("PEXPIRE", session, tombstone)
${unlistLua}
return 1`,
});
