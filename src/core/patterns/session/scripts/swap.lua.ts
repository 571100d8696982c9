import type { Reply } from "../../../port/redis.ts";
import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { reloadLua, wholeGuard, writeLua } from "./record.lua.ts";
import { type Snapshot, snapshot } from "../format.ts";

/** What became of a conditional write, and the session as it is now. */
export interface Swapped {
  readonly outcome: "written" | "conflict" | "too large";
  readonly now: Snapshot;
}

// Writes only if nothing was written since the version that the caller computed from. A request that is known already was a lost
// reply: it has been written, so that an increment is not applied twice.
export const swapScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "request", "maxBytes", "removed", "expected", "...fields"],
  decode: swapped,
  lua: `${wholeGuard}${writeLua}
if not alive then return false end
local outcome = 0
if string.match(h.w, "^%d+") == expected or string.find(h.w, request, 1, true) then outcome = write() end
local function reload() ${reloadLua} end
local held = reload()
return held and {outcome, held}`,
});

function swapped(reply: Reply): Swapped | null {
  if (!Array.isArray(reply)) return null;
  const now = snapshot(reply[1] ?? null);
  const outcome = integer(reply[0] ?? null);
  return now && { outcome: outcome > 0 ? "written" : outcome === 0 ? "conflict" : "too large", now };
}
