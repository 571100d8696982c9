import { flag } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { endLease } from "./fill.lua.ts";

// A value that is set replaces a load that runs meanwhile: without its lease the load writes nothing.
export const setEntry = defineScript({
  keys: ["entry", "lease"],
  args: ["value", "ttl", "wake"],
  decode: flag,
  lua: `
redis.call("SET", entry, value, "PX", ttl)
${endLease}
return 1`,
});

// The lease goes with the entry, so that a load that began before the deletion cannot bring the old value back.
export const deleteEntry = defineScript({
  keys: ["entry", "lease"],
  args: ["wake"],
  decode: flag,
  lua: `
${endLease}
return redis.call("UNLINK", entry)`,
});
