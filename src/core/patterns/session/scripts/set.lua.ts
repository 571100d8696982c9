import { integer } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { checkCodecName, defineWrite, prelude, unlessForeign } from "./record.lua.ts";

// A write is conditional on the session being alive, so that a slow request cannot bring back what a logout ended. Only the
// fields of the patch are written, so that parallel writers of different fields keep both.
// Answers with the new version; 0 if the session has ended, -1 if the data would be too large, -2 if it would have too many fields.
export const setScript = defineScript({
  keys: ["session", "user", "bucket"],
  args: ["digest", "codec", "request", "maxBytes", "removed", "...fields"],
  decode: unlessForeign(integer),
  lua: `${prelude}${checkCodecName}${defineWrite}
if not alive then return 0 end
return write()`,
});
