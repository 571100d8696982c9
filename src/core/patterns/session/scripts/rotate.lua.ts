import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { headText } from "../format/head.ts";
import { checkCodecName, prelude, unlessForeign } from "./record.lua.ts";

// The record stays in place and changes its digest, so that no copy of it can diverge, and requests in flight, which hold the old
// token, keep reading and writing the one record until the grace ends.
// Answers 1; 0 if the session has ended, 2 if another request has just rotated it and nothing was changed.
export const rotateScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "codec", "newDigest", "grace"],
  decode: unlessForeign(integer),
  lua: `${prelude}${checkCodecName}
-- A replay.
if current == newDigest then return 1 end
if not alive then return 0 end
if current ~= digest then return 2 end
head = ${headText({ digest: "newDigest", rotatedAt: digits("now") }, "authenticatedAt")}
redis.call("HSET", session, "m", head, "p", digest .. " " .. ${digits("now + grace")})
return 1`,
});
