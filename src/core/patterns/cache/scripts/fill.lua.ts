import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { publish } from "../../../script/fragments.lua.ts";
import { failedMark } from "../format/lease.ts";

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

// Ends a lease without a value, unless another load has it by now. With a `ttl` it leaves the mark of a failure in its place.
export const endLoad = defineScript({
  keys: ["lease"],
  args: ["token", "ttl", "wake"],
  decode: flag,
  lua: `
if redis.call("GET", lease) ~= token then
  return 0
end
${endLease}
if tonumber(ttl) > 0 then
  redis.call("SET", lease, "${failedMark}" .. token, "PX", ttl)
end
return 1`,
});
