import type { Reply } from "../../../port/redis.ts";
import { flag, listOf, nullableText, text } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

/** What a caller is to do: run the work, or wait `remaining` milliseconds at most, or take what is stored. */
export type Claimed =
  | { readonly state: "run" }
  | { readonly state: "wait"; readonly remaining: number; readonly record: string }
  | { readonly state: "done"; readonly record: string };

function claimed(reply: Reply): Claimed {
  const [state = "", record = "", remaining = "0"] = listOf(nullableText)(reply).map((item) => item ?? "");
  if (state === "run") return { state };
  if (state === "wait") return { state, remaining: Math.max(0, Number(remaining)), record };
  return { state: "done", record: text(record) };
}

/** Claims the key for one run, unless somebody runs or has run. The same claim twice, as after a lost reply, is one claim. */
export const claimRun = defineScript({
  keys: ["record"],
  args: ["running", "lease"],
  decode: claimed,
  lua: `
local found = redis.call("GET", record)
if not found or found == running then
  redis.call("SET", record, running, "PX", lease)
  return {"run"}
end
if string.sub(found, 1, 3) == "1r:" then return {"wait", found, tostring(redis.call("PTTL", record))} end
return {"done", found}`,
});

/** Stores what the run gave, if the key is still claimed by it. */
export const storeResult = defineScript({
  keys: ["record"],
  args: ["running", "done", "ttl"],
  decode: flag,
  lua: `
local found = redis.call("GET", record)
if found == done then return 1 end
if found ~= running then return 0 end
redis.call("SET", record, done, "PX", ttl)
return 1`,
});

/** Frees the key for the next caller, if it is still claimed by this run. */
export const freeClaim = defineScript({
  keys: ["record"],
  args: ["running"],
  decode: flag,
  lua: `
if redis.call("GET", record) ~= running then return 0 end
return redis.call("DEL", record)`,
});
