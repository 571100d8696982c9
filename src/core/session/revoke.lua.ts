import type { Reply } from "../redis.ts";
import { texts } from "../reply.ts";
import { defineScript } from "../script.ts";

/** Whose session was ended, and its number among theirs. */
export interface Revoked {
  readonly user: string;
  readonly number: string;
}

// The tombstone names the user, so that the caller can drop the index entry, whose key is known only by the user, and can do so
// again after a crash between the two.
export const revokeScript = defineScript({
  keys: ["session"],
  args: ["owner", "tombstone"],
  decode: revoked,
  lua: `
local r = redis.call("HMGET", session, "u", "n", "k")
if not r[1] or owner ~= "" and r[1] ~= owner then return false end
if r[3] then
  redis.call("DEL", session)
  redis.call("HSET", session, "x", 1, "u", r[1], "n", r[2])
  redis.call("PEXPIRE", session, tombstone)
end
return {r[1], r[2]}`,
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
  const [user = "", number = ""] = texts(reply);
  return { user, number };
}
