import { ReplyError } from "../../../errors.ts";
import type { Reply } from "../../../port/redis.ts";
import { integer, nullableText, text } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { extraLua } from "../format/entry.ts";
import { failedMark } from "../format/lease.ts";

/** What a miss finds: somebody else's value, the right to load, somebody who is loading, or the failure of whom it waited for. */
export interface Claim {
  readonly state: "hit" | "lease" | "wait" | "failed";
  /** The entry, stale unless the state is `hit`. */
  readonly raw: string | null;
  /** How long the entry is kept, in milliseconds. */
  readonly left: number;
  /** Who holds the lease. */
  readonly holder: string;
}

// Closes two races: of all processes that miss at once only one gets the lease and loads; and whoever reads, reads after the writer
// that released the lease. `left > extra + early` is freshness by the server's clock. A lease that begins with "!" is the mark of a
// load that failed: those who waited for it learn so, anyone else loads again.
export const claim = defineScript({
  keys: ["entry", "lease"],
  args: ["token", "leaseTtl", "early", "mark", "refused", "waited"],
  decode: decodeClaim,
  lua: `
local value = redis.call("GET", entry)
local left = -1
if value and string.sub(value, 1, #mark) == mark and (refused == "" or string.sub(value, 1, #refused) ~= refused) then
  left = redis.call("PTTL", entry)
  local extra = mark ~= "" and ${extraLua}
  if left > extra + tonumber(early) then return {"hit", value, left, ""} end
else
  value = false
end
local holder = redis.call("GET", lease)
if holder and holder ~= token then
  if string.sub(holder, 1, 1) ~= "${failedMark}" then return {"wait", value, left, holder} end
  if holder == "${failedMark}" .. waited then return {"failed", value, left, ""} end
end
redis.call("SET", lease, token, "PX", leaseTtl)
return {"lease", value, left, token}`,
});

function decodeClaim(reply: Reply): Claim {
  const [state, raw = null, left = null, holder = null] = Array.isArray(reply) ? reply : [];
  if (state !== "hit" && state !== "lease" && state !== "wait" && state !== "failed") {
    throw new ReplyError("SHAPE Redis answered something else than a claim");
  }
  return { state, raw: nullableText(raw), left: integer(left), holder: text(holder) };
}
