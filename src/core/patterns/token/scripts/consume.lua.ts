import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

/** What became of a token: whose it was and what it carried, or how many attempts are left. */
export type Consumed =
  | { readonly accepted: true; readonly user: string; readonly data: string }
  | { readonly accepted: false; readonly attemptsLeft: number };

// Checking and consuming are one script, so that of two that come together one is accepted. The record keeps the request that
// consumed it: its replay is accepted again, nobody else's. A wrong purpose costs nothing: it is a mistake, not a guess.
export const consumeScript = defineScript({
  keys: ["record", "user"],
  args: ["digest", "purpose", "request", "replayable"],
  decode: consumed,
  lua: `
local r = redis.call("HMGET", record, "k", "e", "p", "u", "d", "n", "x", "l")
if r[7] == request then return {r[4], r[5]} end
if r[8] == request then return {r[6]} end
if not r[1] or r[3] ~= purpose or redis.call("HGET", user, "e") ~= r[2] then return {"0"} end
if r[1] ~= digest then
  if r[6] == "" then return {"0"} end
  local left = redis.call("HINCRBY", record, "n", -1)
  redis.call("HSET", record, "l", request)
  if left <= 0 then redis.call("HDEL", record, "k", "d") end
  return {tostring(left)}
end
redis.call("HDEL", record, "k")
redis.call("HSET", record, "x", request)
if redis.call("PTTL", record) > tonumber(replayable) then redis.call("PEXPIRE", record, replayable) end
return {r[4], r[5]}`,
});

function consumed(reply: Reply): Consumed {
  const [first = "", data] = texts(reply);
  return data === undefined ? { accepted: false, attemptsLeft: Number(first) } : { accepted: true, user: first, data };
}
