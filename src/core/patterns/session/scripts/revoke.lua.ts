import { replayWindow } from "../../../crypto.ts";
import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { headPattern } from "../format/head.ts";

/** The owner and the number of a revoked session, by which its member of the index is found. */
export interface Revoked {
  readonly owner: string;
  /** "0" if the session was anonymous. */
  readonly number: string;
}

// Only the record knows its owner, and the owner names the key of the index. So the caller drops the member in a second trip, and the
// tombstone keeps the owner, so that this can be done again after a crash between the two.
export const revokeScript = defineScript({
  keys: ["session"],
  args: ["requiredOwner"],
  decode: decodeRevoked,
  lua: `
local stored = redis.call("HMGET", session, "m", "o")
local head = stored[1]
local number, owner
if head then
  number, owner = string.match(head, "${headPattern("who", ["number", "owner"])}")
else
  number, owner = string.match(stored[2] or "", "(%d+) (%S+)")
end
if not owner or requiredOwner ~= "" and owner ~= requiredOwner then return false end
if head then
  redis.call("DEL", session)
  redis.call("HSET", session, "x", 1, "o", number .. " " .. owner)
  redis.call("PEXPIRE", session, ${replayWindow})
end
return {owner, number}`,
});

/** Drops one member of the index. */
export const unlistScript = defineScript({
  keys: ["index"],
  args: ["member"],
  decode: () => undefined,
  lua: `return redis.call("ZREM", index, member)`,
});

function decodeRevoked(reply: Reply): Revoked | null {
  if (reply === null) return null;
  const [owner = "", number = ""] = texts(reply);
  return { owner, number };
}
