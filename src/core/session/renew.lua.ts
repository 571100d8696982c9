import { defineScript } from "../script.ts";
import { guard, snapshotLua } from "./guard.ts";
import { snapshot } from "./snapshot.ts";

// A user who has proved again who they are gets a new token and a new absolute end in one step, and the old token ends at once: it
// may be the one that somebody else planted or saw.
export const renewScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "sid", "fresh", "idle", "absolute", "remembered"],
  decode: snapshot,
  lua: `${guard}${snapshotLua}
if m[1] == fresh then return snapshot() end
if not alive() then return false end
local ends = now + absolute
local at = math.min(now + idle, ends)
local born = text(now)
redis.call("HSET", session, "k", fresh, "p", digest, "q", 0, "s", born, "f", born, "t", born, "a", text(ends), "i", idle, "m", remembered)
redis.call("PEXPIREAT", session, text(at))
redis.call("ZADD", index, text(at), m[6] .. ":" .. sid)
keep(index, at)
keep(user, ends)
keep(bucket, ends)
return snapshot()`,
});
