import type { Reply } from "../../../port/redis.ts";
import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { decodeSnapshot, type Snapshot } from "../format/snapshot.ts";
import { checkCodecName, dataPrelude, defineWrite, reloadSnapshot, snapshotText, unlessForeign } from "./record.lua.ts";

/** The outcome of a conditional write, and the session as it is now. */
export interface SwapResult {
  readonly outcome: "written" | "conflict" | "too large" | "too many";
  readonly snapshot: Snapshot;
}

// Writes only if nothing was written since the version that the caller computed from. A request that is known already has been written,
// and its reply was lost: so an increment is not applied twice.
export const swapScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "codec", "request", "maxBytes", "removed", "expected", "...fields"],
  decode: unlessForeign(decodeSwapped),
  lua: `${dataPrelude}${checkCodecName}
local writes = record.w
${defineWrite}
if not alive then return false end
local outcome = 0
if string.match(writes, "^%d+") == expected or string.find(writes, request, 1, true) then
  outcome = write()
end
${reloadSnapshot}
return {outcome, ${snapshotText}}`,
});

function decodeSwapped(reply: Reply): SwapResult | null {
  if (!Array.isArray(reply)) return null;
  const snapshot = decodeSnapshot(reply[1] ?? null);
  const outcome = integer(reply[0] ?? null);
  if (outcome > 0) return snapshot && { outcome: "written", snapshot };
  return snapshot && { outcome: outcome === 0 ? "conflict" : outcome === -1 ? "too large" : "too many", snapshot };
}
