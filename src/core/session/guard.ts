/**
 * The first lines of every session script. `alive()` closes the race between a session's end and every other call: the record must
 * exist, hold this token's digest, and stem from the epoch of its user and the generation of its bucket, where what is missing is
 * dead. Expiry is the record's own TTL, by the server's clock; its absolute end is compared too, for a touch must not set a TTL of 0.
 *
 * The record is a hash. k: the token's digest; p, q: the digest before the last rotation and until when it counts; e: the epoch;
 * g: the generation; n: the session's number among its user's; a: its absolute end; i: its idle limit; t: when it was seen; c: when
 * it was created; f: when its user proved who they are; s: when its token was made; v: its version; b: bytes of data; w: its last
 * writes; m: whether it is remembered; u, ip, ua: its user,
 * address and user agent; y: what was taken last; `:name`: a field of data. A record without k is the tombstone of a session.
 *
 * The user's hash. e: the epoch; n: how many sessions there were; w: sessions up to this number are dead; r: the last revocation.
 */
export const guard = `
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function text(number) return string.format("%.0f", number) end
local function keep(key, at)
  if redis.call("PTTL", key) < at - now then redis.call("PEXPIREAT", key, text(at)) end
end
local m = redis.call("HMGET", session, "k", "p", "q", "e", "g", "n", "a", "i", "t")
local function alive()
  if not m[1] or m[1] ~= digest and (m[2] ~= digest or tonumber(m[3]) <= now) then return false end
  if now >= tonumber(m[7]) then return false end
  if redis.call("HGET", bucket, "e") ~= m[5] then return false end
  if m[4] == "" then return true end
  local u = redis.call("HMGET", user, "e", "w")
  return u[1] == m[4] and tonumber(m[6]) > tonumber(u[2] or 0)
end
`;

/** `snapshot()`: what a session object is made of; false where a touch in its last millisecond came too late and ended it. */
export const snapshotLua = `
local function snapshot()
  local reply = redis.call("HMGET", session, "v", "c", "t", "a", "i", "f", "s", "m", "u", "ip", "ua")
  if not reply[1] then return false end
  table.insert(reply, 1, text(now))
  local all = redis.call("HGETALL", session)
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 1) == ":" then
      reply[#reply + 1] = string.sub(all[i], 2)
      reply[#reply + 1] = all[i + 1]
    end
  end
  return reply
end
`;
