import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { publish } from "../../../script/fragments.lua.ts";
import { unkeptStart } from "../format/lease.ts";

/** Lua: ends the lease in the local `lease`, and wakes the callers that wait for it, if they listen. */
export const endLease = `
if redis.call("DEL", lease) == 1 and wake == "1" then
  ${publish("lease", '"*"')}
end`;

// Closes the race between a load and an invalidation: a deletion or a set removes the lease, too, and without its lease a late load
// writes nothing.
export const fillEntry = defineScript({
  keys: ["entry", "lease"],
  args: ["token", "value", "ttl", "wake"],
  decode: flag,
  lua: `
if redis.call("GET", lease) ~= token then
  -- A replay after a lost reply finds its own entry, known by the stamp in it, and succeeds again.
  return redis.call("GET", entry) == value and 1 or 0
end
redis.call("SET", entry, value, "PX", ttl)
${endLease}
return 1`,
});

/** The time for which the tokens of calls that gave up are known, and how many of them, in bytes: about sixteen. */
const [goneFor, goneBytes] = [60_000, 750];

// Ends a lease without a value, unless another load has it by now, and may leave a mark in its place. The token is given up: a claim that
// arrives later, since it was delayed or sent twice, is granted nothing.
export const endLoad = defineScript({
  keys: ["lease", "gone"],
  args: ["token", "mark", "wake"],
  decode: flag,
  lua: `
local held = redis.call("GET", lease) == token
if held then
  ${endLease}
  if mark ~= "" then
    -- A failure concerns those that waited; what cannot be kept concerns everybody for a while.
    local ttl = string.sub(mark, 1, 2) == "${unkeptStart}" and 5000 or 2000
    redis.call("SET", lease, mark, "PX", ttl)
  end
end
local given = redis.call("GET", gone) or ""
if not string.find(given, token, 1, true) then
  -- The list is bounded: the oldest tokens fall out of it.
  -- A mark names the token, and tells those that waited for it of the failure.
  redis.call("SET", gone, string.sub((mark ~= "" and mark or token) .. " " .. given, 1, ${goneBytes}), "PX", ${goneFor})
end
return held and 1 or 0`,
});
