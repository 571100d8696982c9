import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

/** The tag of the user whose session was ended, and its number among theirs: 0 if it was nobody's. */
export interface Revoked {
  readonly owner: string;
  readonly number: string;
}

// The tombstone names the user's tag, so that the caller can drop the index entry, whose key is known only by the user, and can do
// so again after a crash between the two.
export const revokeScript = defineScript({
  keys: ["session"],
  args: ["owner", "tombstone"],
  decode: revoked,
  lua: `
local r = redis.call("HMGET", session, "m", "o")
local number, tag
if r[1] then
  number, tag = string.match(r[1], "^%S+ %S+ %d+ (%d+) %d+ %d+ %d+ %d+ %d %d+ (%S+)")
else
  number, tag = string.match(r[2] or "", "(%d+) (%S+)")
end
if not tag or owner ~= "" and tag ~= owner then return false end
if r[1] then
  redis.call("DEL", session)
  redis.call("HSET", session, "x", 1, "o", number .. " " .. tag)
  redis.call("PEXPIRE", session, tombstone)
end
return {tag, number}`,
});

/** Drops one entry of the index. */
export const unlistScript = defineScript({
  keys: ["index"],
  args: ["member"],
  decode: () => undefined,
  lua: `return redis.call("ZREM", index, member)`,
});

function revoked(reply: Reply): Revoked | null {
  if (reply === null) return null;
  const [owner = "", number = ""] = texts(reply);
  return { owner, number };
}
