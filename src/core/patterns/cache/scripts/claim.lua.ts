import { ReplyError } from "../../../errors.ts";
import type { Reply } from "../../../port/redis.ts";
import { integer, nullableText, text } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { staleTimeLua } from "../format/entry.ts";
import { markStart, unkeptStart } from "../format/lease.ts";

const states = ["hit", "lease", "wait", "failed", "unkept", "gone"] as const;

/**
 * The answer to a miss: a value of another process, the right to load, a load that is under way, one that has failed, a value that could
 * not be kept a moment ago, or that this call has given up.
 */
export interface Claim {
  readonly state: (typeof states)[number];
  /** The entry, stale unless the state is `hit`. */
  readonly raw: string | null;
  /** The rest of the TTL of the entry, in milliseconds. */
  readonly left: number;
  /** The token in the lease, the caller's own where the state is `lease`; where it is `failed`, the code of the loader's error. */
  readonly holder: string;
}

/** How often a load renews its lease, in milliseconds. */
export const renewEvery = 1_000;

/** The age without renewal at which a lease counts as abandoned, in milliseconds. */
const abandonedAfter = 3_000;

// Closes three races: of all processes that miss at once only one gets the lease and loads; a caller that asks again after the lease
// has ended reads what its holder wrote, since both are one script; and a claim that arrives after its own release gets nothing.
export const claimEntry = defineScript({
  keys: ["entry", "lease", "gone"],
  args: ["token", "leaseTtl", "early", "mark", "refused", "waited"],
  decode: decodeClaim,
  lua: `
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
if holder ~= token then
  if holder and string.sub(holder, 1, 2) == "${unkeptStart}" then
    return {"unkept", raw, left, ""}
  end
  local given = redis.call("GET", gone) or ""
  if string.find(given, token, 1, true) then
    return {"gone", raw, left, ""}
  end
  -- A failure is for the callers that waited for this very load; any other caller loads again.
  local _, failure = string.find(given, "${markStart}" .. waited .. " ", 1, true)
  if failure then
    return {"failed", raw, left, string.match(given, "^[%w_]*", failure + 1)}
  end
  if holder and string.sub(holder, 1, 1) ~= "${markStart}" then
    -- The token names the life of the lease; what a release without that wrote counts as new.
    local life = tonumber(string.match(holder, "^(%d+):") or "")
    local age = life and life - redis.call("PTTL", lease) or 0
    -- An age below zero says that the clock was set back, and nothing about the load.
    if age >= 0 and age < ${abandonedAfter} then
      return {"wait", raw, left, holder}
    end
  end
end
redis.call("SET", lease, token, "PX", leaseTtl)
return {"lease", raw, left, token}`,
});

function decodeClaim(reply: Reply): Claim {
  const [word, raw = null, left = null, holder = null] = Array.isArray(reply) ? reply : [];
  const state = states.find((known) => known === word);
  if (!state) throw new ReplyError("SHAPE Redis answered something else than a claim");
  return { state, raw: nullableText(raw), left: integer(left), holder: text(holder) };
}

// Keeps the lease of a load that goes on. It never brings a lease back: one that was deleted belongs to an invalidation.
export const renewLease = defineScript({
  keys: ["lease"],
  args: ["token", "leaseTtl"],
  decode: integer,
  lua: `
if redis.call("GET", lease) ~= token then
  return 0
end
return redis.call("PEXPIRE", lease, leaseTtl)`,
});
