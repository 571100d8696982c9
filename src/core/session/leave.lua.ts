import { flag } from "../reply.ts";
import { defineScript } from "../script.ts";
import { guard, snapshotLua } from "./guard.ts";
import { snapshot } from "./snapshot.ts";

// The first half of a login that changes the hash slot: the old session ends before the new one begins, so that a crash between
// the two may log out but never leaves both. Its data stays in the tombstone, for a replay gets it again.
export const leaveScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "sid", "request", "tombstone"],
  decode: snapshot,
  lua: `${guard}${snapshotLua}
local left = redis.call("HGET", session, "x") == request
if not left and not alive() then return false end
if not left then
  redis.call("HDEL", session, "k")
  redis.call("HSET", session, "x", request, "kx", m[1], "px", redis.call("PTTL", session))
  redis.call("PEXPIRE", session, tombstone)
  redis.call("ZREM", index, m[6] .. ":" .. sid)
end
return snapshot()`,
});

// Undoes `leave` where the new session was refused, so that a visitor who may not log in keeps their cart.
export const comeBackScript = defineScript({
  keys: ["session"],
  args: ["request"],
  decode: flag,
  lua: `
local h = redis.call("HMGET", session, "x", "kx", "px")
if h[1] ~= request then return 0 end
redis.call("HDEL", session, "x", "kx", "px")
redis.call("HSET", session, "k", h[2])
redis.call("PEXPIRE", session, h[3])
return 1`,
});
