import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import {
  attemptsField,
  consumedByField,
  dataField,
  decodeData,
  digestField,
  epochField,
  missedByField,
  purposeField,
  userEpochField,
  userField,
} from "../format.ts";

/** The outcome of an attempt: the token's user and data, or the number of wrong attempts that are left. */
export type Consumed =
  | { readonly accepted: true; readonly user: string; readonly data: unknown }
  | { readonly accepted: false; readonly attemptsLeft: number };

// Checking and consuming are one script, so that only one of two concurrent attempts is accepted. The record keeps the request that
// consumed it: the same request, sent again, is accepted again, and any other is refused. Two texts are the token's user and data, one is
// how many attempts are left.
export const consumeScript = defineScript({
  keys: ["record", "user"],
  args: ["digest", "purpose", "request", "replayWindow"],
  decode: decodeConsumed,
  lua: `
local storedDigest, epoch, storedPurpose, userId, data, attempts, consumedBy, lastMissBy = unpack(redis.call("HMGET", record,
  ${digestField}, ${epochField}, ${purposeField}, ${userField}, ${dataField}, ${attemptsField}, ${consumedByField}, ${missedByField}))
-- The same request was sent again: it gets the answer that it got. Of wrong attempts only the last is remembered.
if consumedBy == request then
  return {userId, data}
end
if lastMissBy == request then
  return {attempts}
end
-- A wrong purpose is a mistake, not a guess: it costs no attempt.
if not storedDigest or storedPurpose ~= purpose or redis.call("HGET", user, ${userEpochField}) ~= epoch then
  return {"0"}
end
if storedDigest ~= digest then
  -- A link has no attempts to count: nobody guesses 256 bits.
  if attempts == "" then
    return {"0"}
  end
  local left = redis.call("HINCRBY", record, ${attemptsField}, -1)
  redis.call("HSET", record, ${missedByField}, request)
  if left <= 0 then
    redis.call("HDEL", record, ${digestField}, ${dataField})
  end
  return {tostring(left)}
end
-- A record without a digest is used up. The rest of it answers for the same request for a while.
redis.call("HDEL", record, ${digestField})
redis.call("HSET", record, ${consumedByField}, request)
if redis.call("PTTL", record) > tonumber(replayWindow) then
  redis.call("PEXPIRE", record, replayWindow)
end
return {userId, data}`,
});

function decodeConsumed(reply: Reply): Consumed {
  const [first = "", data] = texts(reply);
  return data === undefined
    ? { accepted: false, attemptsLeft: Number(first) }
    : { accepted: true, user: first, data: decodeData(data) };
}
