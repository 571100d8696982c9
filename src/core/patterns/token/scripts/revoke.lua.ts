import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

// One new epoch makes all of the user's tokens worthless. `request` makes a replay change nothing, so that it cannot reach a token
// that was issued after the first execution.
export const revokeTokensScript = defineScript({
  keys: ["user"],
  args: ["request"],
  decode: flag,
  lua: `
local u = redis.call("HMGET", user, "e", "r")
if not u[1] or u[2] == request then return 0 end
local clock = redis.call("TIME")
local epoch = math.max(u[1] + 1, clock[1] * 1000000 + clock[2])
redis.call("HSET", user, "e", string.format("%.0f", epoch), "r", request)
return 1`,
});
