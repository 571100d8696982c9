import { defineScript } from "../../../script/define-script.ts";
import { indexLua, reloadLua, snapshotLua, stampLua, wholeGuard } from "./record.lua.ts";
import { snapshot } from "../format.ts";

// A user who has proved again who they are gets a new token and a new absolute end in one step, and the old token ends at once: it
// may be the one that somebody else planted or saw.
export const renewScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "fresh", "idleFor", "absolute", "remembered"],
  decode: snapshot,
  lua: `${wholeGuard}${indexLua}${stampLua}
if current == fresh then ${snapshotLua} end
if not alive then return false end
local last = now + absolute
local at = math.min(now + idleFor, last)
local born = text(now)
stamp(fresh, epoch, generation, number, text(last), idleFor, born, born, remembered, string.match(about, "%d+ %d+ %d (.+)"))
redis.call("HSET", session, "t", born)
redis.call("HDEL", session, "p")
redis.call("PEXPIREAT", session, text(at))
enlist(at)
keep(user, last)
keep(bucket, last)
${reloadLua}`,
});
