import { replayWindow } from "../../../crypto.ts";
import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { prelude, unlist } from "./record.lua.ts";

// A tombstone is left: a replay of the session's creation that comes after its end finds it and creates nothing.
export const destroyScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest"],
  decode: flag,
  lua: `${prelude}
if not alive then return 0 end
redis.call("DEL", session)
redis.call("HSET", session, "x", 1)
redis.call("PEXPIRE", session, ${replayWindow})
${unlist}
return 1`,
});
