import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { snapshot } from "../format.ts";
import { indexLua, parse, reloadLua, snapshotLua, stampLua, unlistLua, wholeGuard } from "./record.lua.ts";

// The first half of a login that changes the hash slot: the old session ends before the new one begins, so that a crash between
// the two may log out but never leaves both. Its data stays in the tombstone, for a replay gets it again.
export const leaveScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "request", "tombstone"],
  decode: snapshot,
  lua: `${wholeGuard}
if h.x == request then
  h.m = h.left
  current, epoch, generation, number, ends, idle, about = ${parse}
  ${snapshotLua}
end
if not alive then return false end
redis.call("HDEL", session, "m")
redis.call("HSET", session, "x", request, "left", h.m, "ttl", redis.call("PTTL", session))
redis.call("PEXPIRE", session, tombstone)
${unlistLua}
${snapshotLua}`,
});

// Undoes `leave` where the new session was refused, so that a visitor who may not log in keeps their cart.
export const comeBackScript = defineScript({
  keys: ["session"],
  args: ["request"],
  decode: flag,
  lua: `
local h = redis.call("HMGET", session, "x", "left", "ttl")
if h[1] ~= request then return 0 end
redis.call("HDEL", session, "x", "left", "ttl")
redis.call("HSET", session, "m", h[2])
redis.call("PEXPIRE", session, h[3])
return 1`,
});

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
local born = ${digits("now")}
stamp(fresh, epoch, generation, number, ${digits("last")}, idleFor, born, born, remembered, string.match(about, "%d+ %d+ %d (.+)"))
redis.call("HSET", session, "t", born)
redis.call("HDEL", session, "p")
redis.call("PEXPIREAT", session, ${digits("at")})
enlist(at)
keep(user, last)
keep(bucket, last)
${reloadLua}`,
});
