import type { Reply } from "../../../port/redis.ts";
import { flag, texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { digits } from "../../../script/fragments.lua.ts";
import { isKindLua, lostMargin, otherRunLua } from "../format.ts";

/** The caller's next step: run the work, wait at most `remaining` milliseconds, or take the stored outcome. */
export type RunState =
  | { readonly state: "run" }
  | { readonly state: "wait"; readonly remaining: number; readonly record: string }
  | { readonly state: "done"; readonly record: string };

function decodeRunState(reply: Reply): RunState {
  const [state = "", record = "", remaining = "0"] = texts(reply);
  if (state === "run") return { state };
  if (state === "wait") return { state, remaining: Math.max(0, Number(remaining)), record };
  return { state: "done", record };
}

// Reading and claiming are one script, so that of two callers one runs. The same claim twice, as after a lost reply, is one claim.
export const claimRunScript = defineScript({
  keys: ["key"],
  args: ["ownRecord", "lease"],
  decode: decodeRunState,
  lua: `
local stored = redis.call("GET", key)
if stored and ${isKindLua("stored", "gone")} then
  -- This claim was given up before it arrived. Nobody hears the answer.
  if not (${otherRunLua("stored", "ownRecord")}) then
    return {"wait", stored, "0"}
  end
  stored = false
end
if not stored then
  redis.call("SET", key, ownRecord, "PX", lease)
  return {"run"}
end
if not (${isKindLua("stored", "running")}) then
  return {"done", stored}
end
local remaining = redis.call("PTTL", key)
-- A repetition that arrives after the work has run must not shorten the life of the mark that tells of it.
if stored == ownRecord and remaining <= tonumber(lease) then
  redis.call("SET", key, ownRecord, "PX", lease)
  return {"run"}
end
return {"wait", stored, tostring(remaining)}`,
});

// A run whose lease is over must not overwrite the record of the run that took its place. If none did, the outcome prevents one.
export const storeOutcomeScript = defineScript({
  keys: ["key"],
  args: ["ownRecord", "outcome", "ttl"],
  decode: flag,
  lua: `
local stored = redis.call("GET", key)
-- The reply to the first execution was lost.
if stored == outcome then
  return 1
end
if stored and stored ~= ownRecord and not (${isKindLua("stored", "gone")}) then
  return 0
end
redis.call("SET", key, outcome, "PX", ttl)
return 1`,
});

// Says that the work ran, although its outcome could not be stored: nobody may run it again. A Redis without memory refuses to write the
// record, and then the mark of the run lives on, longer than any lease.
export const loseOutcomeScript = defineScript({
  keys: ["key"],
  args: ["ownRecord", "lost", "lease", "ttl"],
  decode: flag,
  lua: `
local stored = redis.call("GET", key)
if stored and stored ~= ownRecord and stored ~= lost and not (${isKindLua("stored", "gone")}) then
  return 0
end
local written = redis.pcall("SET", key, lost, "PX", ttl)
if not written.err then
  return 1
end
if stored ~= ownRecord then
  return 0
end
return redis.call("PEXPIRE", key, ${digits(`lease + ttl + ${lostMargin}`)})`,
});

// A run whose lease is over must not free the key of the run that took its place.
export const freeKeyScript = defineScript({
  keys: ["key"],
  args: ["ownRecord"],
  decode: flag,
  lua: `
if redis.call("GET", key) ~= ownRecord then
  return 0
end
return redis.call("DEL", key)`,
});

// Frees what a claim may have taken whose caller has left. The claim may still be on its way, so for a minute it is refused by its name.
export const giveUpClaimScript = defineScript({
  keys: ["key"],
  args: ["ownRecord", "gone"],
  decode: flag,
  lua: `
local stored = redis.call("GET", key)
if stored and stored ~= ownRecord then
  return 0
end
redis.call("DEL", key)
-- Without memory there is no name to refuse, and a late claim costs its lease.
redis.pcall("SET", key, gone, "PX", 60000)
return 1`,
});
