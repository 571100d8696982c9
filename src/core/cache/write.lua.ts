import { flag } from "../reply.ts";
import { defineScript } from "../script.ts";

// A value that is set replaces a load that runs meanwhile: without its lease the load writes nothing.
export const put = defineScript({
  keys: ["entry", "lease"],
  args: ["value", "ttl"],
  decode: flag,
  lua: `
redis.call("SET", entry, value, "PX", ttl)
redis.call("DEL", lease)
return 1`,
});

// The lease goes with the entry, so that a load that began before the deletion cannot bring the old value back.
export const discard = defineScript({
  keys: ["entry", "lease"],
  args: [],
  decode: flag,
  lua: `
redis.call("DEL", lease)
return redis.call("UNLINK", entry)`,
});
