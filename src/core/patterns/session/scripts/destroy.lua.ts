import { replayWindow } from "../../../crypto.ts";
import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { prelude, unlist } from "./record.lua.ts";

// A tombstone is left, also where there is no session yet: a creation that comes after the end finds it and creates nothing.
export const destroyScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest"],
  decode: flag,
  lua: `${prelude}
if alive then
  redis.call("DEL", session)
  ${unlist}
elseif head then
  return 0
end
-- The tombstone of a login that may yet be undone stays what it is.
redis.call("HSETNX", session, "x", 1)
redis.call("PEXPIRE", session, ${replayWindow})
return alive and 1 or 0`,
});
