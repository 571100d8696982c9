import type { Reply } from "../../../port/redis.ts";
import { flag, texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { runningLua } from "../format.ts";

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
if not stored or stored == ownRecord then
  redis.call("SET", key, ownRecord, "PX", lease)
  return {"run"}
end
if ${runningLua("stored")} then
  return {"wait", stored, tostring(redis.call("PTTL", key))}
end
return {"done", stored}`,
});

// A run whose lease is over must not overwrite the record of the run that took its place.
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
if stored ~= ownRecord then
  return 0
end
redis.call("SET", key, outcome, "PX", ttl)
return 1`,
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
