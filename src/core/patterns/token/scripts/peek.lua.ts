import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import {
  dataField,
  decodeData,
  digestField,
  epochField,
  expiresAtField,
  purposeField,
  userEpochField,
  userField,
} from "../format.ts";

// Answers as the consuming script would, and writes nothing: whoever only looks at a link has not used it.
export const peekScript = defineScript({
  keys: ["record", "user"],
  args: ["digest"],
  decode: decodeView,
  lua: `
local storedDigest, epoch, purpose, userId, data, expiresAt = unpack(redis.call("HMGET", record,
  ${digestField}, ${epochField}, ${purposeField}, ${userField}, ${dataField}, ${expiresAtField}))
if not storedDigest or storedDigest ~= digest or redis.call("HGET", user, ${userEpochField}) ~= epoch then
  return {}
end
return {purpose, userId, data, expiresAt}`,
});

function decodeView(reply: Reply) {
  const [purpose, user = "", data = "null", expiresAt] = texts(reply);
  return purpose === undefined ? null : { purpose, user, data: decodeData(data), expiresAt: Number(expiresAt) };
}
