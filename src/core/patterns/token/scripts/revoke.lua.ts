import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits, nextEpoch, serverClock } from "../../../script/fragments.lua.ts";
import { revokedByField, userEpochField } from "../format.ts";

// A new epoch makes all of the user's tokens invalid. `request` makes a replay change nothing: it must not reach a token that was issued
// after the first execution.
export const revokeTokensScript = defineScript({
  keys: ["user"],
  args: ["request"],
  decode: flag,
  lua: `
local epoch, revokedBy = unpack(redis.call("HMGET", user, ${userEpochField}, ${revokedByField}))
if not epoch or revokedBy == request then
  return 0
end
${serverClock}
redis.call("HSET", user, ${userEpochField}, ${digits(nextEpoch("epoch"))}, ${revokedByField}, request)
return 1`,
});
