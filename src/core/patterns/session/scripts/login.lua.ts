import { replayWindow } from "../../../crypto.ts";
import { flag, raw } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { headPattern, headText, noEpoch } from "../format/head.ts";
import { memberOfSession } from "../format/keys.ts";
import { decodeSnapshot } from "../format/snapshot.ts";
import {
  checkCodecName,
  dataPrelude,
  defineWrite,
  enlist,
  keepUntil,
  reloadSnapshot,
  returnSnapshot,
  snapshotText,
  takeHeadApart,
  unlessForeign,
  unlist,
} from "./record.lua.ts";

// The first half of a login that changes the hash slot: the old session ends before the new one begins, so that a crash between
// the two may log out but never leaves both. Its data stays in the tombstone, so that a replay gets it again.
export const leaveScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: ["digest", "codec", "request"],
  decode: unlessForeign(decodeSnapshot),
  lua: `${dataPrelude}${checkCodecName}
if record.x == request then
  head = record.left
  ${takeHeadApart}
  ${returnSnapshot}
end
if not alive then return false end
redis.call("HDEL", session, "m")
redis.call("HSET", session, "x", request, "left", head, "ttl", redis.call("PTTL", session))
redis.call("PEXPIRE", session, ${replayWindow})
-- The place among the user's sessions stays taken until the login has succeeded: else another session could take it, and a refused
-- visitor could not come back.
if epoch ~= "${noEpoch}" then
  redis.call("ZADD", index, "XX", ${digits(`now + ${replayWindow}`)}, ${memberOfSession})
end
${returnSnapshot}`,
});

// Ends the login of somebody who was logged in as another user: that user's place is free from now on.
export const finishLeaveScript = defineScript({
  keys: ["session", "index"],
  args: ["request"],
  decode: flag,
  lua: `
local stored = redis.call("HMGET", session, "x", "left")
if stored[1] ~= request then return 0 end
local number = string.match(stored[2], "${headPattern("ends", ["number"])}")
${unlist}
return 1`,
});

// Undoes it if the new session was refused, so that a visitor who may not log in keeps their cart, and a user their session. What was
// revoked meanwhile stays dead: its epoch is an old one.
export const undoLeaveScript = defineScript({
  keys: ["session", "user", "index"],
  args: ["request"],
  decode: flag,
  lua: `${serverTime}
local stored = redis.call("HMGET", session, "x", "left", "ttl")
if stored[1] ~= request then return 0 end
local head = stored[2]
local ${takeHeadApart}
local expiresAt = math.min(now + stored[3], tonumber(ends))
redis.call("HDEL", session, "x", "left", "ttl")
redis.call("HSET", session, "m", head)
redis.call("PEXPIREAT", session, ${digits("expiresAt")})
if epoch ~= "${noEpoch}" then
  local owner = redis.call("HMGET", user, "e", "w")
  if owner[1] == epoch and tonumber(number) > tonumber(owner[2] or 0) then
    ${enlist}
  end
end
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
// may be the one that somebody else planted or saw. Data that comes with the login is written in the same step.
// Answers as the creation does.
export const renewScript = defineScript({
  keys: ["session", "user", "index", "bucket"],
  args: [
    "digest",
    "codec",
    "newDigest",
    "idleLimit",
    "absoluteLimit",
    "remembered",
    "request",
    "maxBytes",
    "removed",
    "...fields",
  ],
  decode: unlessForeign(raw),
  lua: `${dataPrelude}${checkCodecName}
local writes = record.w
${defineWrite}
-- A replay.
if current == newDigest then
  ${returnSnapshot}
end
if not alive then return false end
if #fields > 0 then
  local written = write()
  if written < 0 then return written end
end
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
