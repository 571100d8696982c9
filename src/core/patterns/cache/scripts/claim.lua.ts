import { ReplyError } from "../../../errors.ts";
import type { Reply } from "../../../port/redis.ts";
import { integer, nullableText, text } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { staleTimeLua } from "../format/entry.ts";
import { failedMark } from "../format/lease.ts";

/** The answer to a miss: a value of another process, the right to load, a load that is under way, or one that has failed. */
export interface Claim {
  readonly state: "hit" | "lease" | "wait" | "failed";
  /** The entry, stale unless the state is `hit`. */
  readonly raw: string | null;
  /** The rest of the TTL of the entry, in milliseconds. */
  readonly left: number;
  /** The token in the lease; the caller's own where the state is `lease`. */
  readonly holder: string;
}

// Closes two races: of all processes that miss at once only one gets the lease and loads; and a caller that asks again after the lease
// has ended reads what its holder wrote, since both are one script.
export const claimEntry = defineScript({
  keys: ["entry", "lease"],
  args: ["token", "leaseTtl", "early", "mark", "refused", "waited"],
  decode: decodeClaim,
  lua: `
local failed = "${failedMark}"

local raw = redis.call("GET", entry)
local left = -1
-- An entry of another format counts as none, and so does the one that the caller has read and must not serve.
if raw and string.sub(raw, 1, #mark) == mark and (refused == "" or string.sub(raw, 1, #refused) ~= refused) then
  left = redis.call("PTTL", entry)
  local staleTime = mark ~= "" and ${staleTimeLua}
  -- Fresh by the server's clock, and not due early.
  if left > staleTime + tonumber(early) then
    return {"hit", raw, left, ""}
  end
else
  raw = false
end

local holder = redis.call("GET", lease)
if holder and holder ~= token then
  if string.sub(holder, 1, 1) ~= failed then
    return {"wait", raw, left, holder}
  end
  -- A failure is for the callers that waited for this very load; any other caller loads again.
  if holder == failed .. waited then
    return {"failed", raw, left, ""}
  end
end
redis.call("SET", lease, token, "PX", leaseTtl)
return {"lease", raw, left, token}`,
});

function decodeClaim(reply: Reply): Claim {
  const [state, raw = null, left = null, holder = null] = Array.isArray(reply) ? reply : [];
  if (state !== "hit" && state !== "lease" && state !== "wait" && state !== "failed") {
    throw new ReplyError("SHAPE Redis answered something else than a claim");
  }
  return { state, raw: nullableText(raw), left: integer(left), holder: text(holder) };
}
