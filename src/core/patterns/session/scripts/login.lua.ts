import { replayWindow } from "../../../crypto.ts";
import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { headText } from "../format/head.ts";
import { decodeSnapshot } from "../format/snapshot.ts";
import {
  dataPrelude,
  enlist,
  keepUntil,
  reloadSnapshot,
  returnSnapshot,
  snapshotText,
  takeHeadApart,
  unlist,
} from "./record.lua.ts";

// The first half of a login that changes the hash slot: the old session ends before the new one begins, so that a crash between
// the two may log out but never leaves both. Its data stays in the tombstone, so that a replay gets it again.
export const leaveScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "request"],
  decode: decodeSnapshot,
  lua: `${dataPrelude}
if record.x == request then
  head = record.left
  ${takeHeadApart}
  ${returnSnapshot}
end
if not alive then return false end
redis.call("HDEL", session, "m")
redis.call("HSET", session, "x", request, "left", head, "ttl", redis.call("PTTL", session))
redis.call("PEXPIRE", session, ${replayWindow})
${unlist}
${returnSnapshot}`,
});

// Undoes it if the new session was refused, so that a visitor who may not log in keeps their cart.
export const undoLeaveScript = defineScript({
  keys: ["session"],
  args: ["request"],
  decode: flag,
  lua: `
local stored = redis.call("HMGET", session, "x", "left", "ttl")
if stored[1] ~= request then return 0 end
redis.call("HDEL", session, "x", "left", "ttl")
redis.call("HSET", session, "m", stored[2])
redis.call("PEXPIRE", session, stored[3])
return 1`,
});

const renewedHead = headText(
  {
    digest: "newDigest",
    ends: digits("endsAt"),
    idle: "idleLimit",
    rotatedAt: "provedAt",
    authenticatedAt: "provedAt",
  },
  "createdAt",
);

// A user who has proved again who they are gets a new token and a new absolute end in one step, and the old token ends at once: it
// may be the one that somebody else planted or saw.
export const renewScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "newDigest", "idleLimit", "absoluteLimit", "remembered"],
  decode: decodeSnapshot,
  lua: `${dataPrelude}
-- A replay.
if current == newDigest then
  ${returnSnapshot}
end
if not alive then return false end
local endsAt = now + absoluteLimit
local expiresAt = math.min(now + idleLimit, endsAt)
local provedAt = ${digits("now")}
head = ${renewedHead}
redis.call("HSET", session, "m", head, "t", provedAt)
redis.call("HDEL", session, "p")
redis.call("PEXPIREAT", session, ${digits("expiresAt")})
${enlist}
${keepUntil("user", "endsAt")}
${keepUntil("bucket", "endsAt")}
${reloadSnapshot}
return ${snapshotText}`,
});
