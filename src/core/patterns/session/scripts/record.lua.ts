import { digits, serverTime } from "../../../script/fragments.lua.ts";

/**
 * The first lines of every session script. `alive` closes the race between a session's end and every other call: the record must
 * exist, hold this token's digest, and stem from the epoch of its user and the generation of its bucket, where what is missing is
 * dead. Expiry is the record's own TTL, by the server's clock; its absolute end is compared too, for a touch must not set a TTL of 0.
 *
 * The record is a hash of few fields, for each one costs time and memory. m: its head; t: when it was seen; w: its version, the bytes
 * of its data, and its last writes; p: the digest before the last rotation, and until when it counts; y: what was taken last; `:name`:
 * a field of data, name and value each in one line. A record without m is the tombstone of a session.
 *
 * The head: the token's digest; the epoch, `-` while anonymous; the generation; the session's number among its user's; its absolute
 * end; its idle limit; when its token was made; when its user proved who they are; whether it is remembered; when it was created; the
 * user's tag; and as JSON, which no script reads, its user, address and user agent.
 *
 * The user's hash. e: the epoch; n: how many sessions there were; w: sessions up to this number are dead; r: the last revocation.
 * The bucket's. e: the generation; r: the last revocation.
 */
/** Takes the record's head apart. `about` is what follows the idle limit. */
export const parse = `string.match(h.m or "", "^(%S+) (%S+) (%d+) (%d+) (%d+) (%d+) (.+)$")`;

const alive = `
local current, epoch, generation, number, ends, idle, about = ${parse}
local alive = current and now < tonumber(ends)
if alive and current ~= digest then
  local old, till = string.match(h.p or "", "^(%S+) (%d+)$")
  alive = old == digest and tonumber(till) > now
end
alive = alive and redis.call("HGET", bucket, "e") == generation
if alive and epoch ~= "-" then
  local u = redis.call("HMGET", user, "e", "w")
  alive = u[1] == epoch and tonumber(number) > tonumber(u[2] or 0)
end
`;

/** The first lines of a script that needs no data: `alive` says whether to go on. */
export const guard = `${serverTime}
local v = redis.call("HMGET", session, "m", "w", "p")
local h = {m = v[1], w = v[2], p = v[3]}
${alive}`;

const load = `
h, data = {}, {""}
local all, byte, n = redis.call("HGETALL", session), string.byte, 1
for i = 1, #all, 2 do
  local name = all[i]
  if byte(name) == 58 then
    data[n + 1] = name
    n = n + 2
    data[n] = all[i + 1]
  else
    h[name] = all[i + 1]
  end
end
`;

/** The first lines of a script that answers with the session. They have no functions, for these are made anew by each call. */
export const wholeGuard = `${serverTime}
local h, data
${load}${alive}`;

/** Answers with what a session object is made of: as one text of lines, which costs a client half of what a list does. */
export const snapshotLua = `
data[1] = clock[1] .. " " .. clock[2] .. " " .. h.t .. " " .. string.match(h.w, "^%d+") .. " " .. ends .. " " .. idle .. " " .. about
return table.concat(data, "\\n")`;

/** Answers so after a write. */
export const reloadLua = `
${load}
if not h.m then return false end
current, epoch, generation, number, ends, idle, about = ${parse}
${snapshotLua}`;

/** `stamp()` writes what it is given as the record's head. */
export const stampLua = `
local function stamp(...)
  redis.call("HSET", session, "m", table.concat({...}, " "))
end
`;

/** `keep()` lets a key live until then at least; `enlist()` sets when the index may forget the session. */
export const indexLua = `
local function keep(key, at)
  if redis.call("PTTL", key) < at - now then redis.call("PEXPIREAT", key, ${digits("at")}) end
end
local function enlist(at)
  if epoch == "-" then return end
  redis.call("ZADD", index, ${digits("at")}, number .. ":" .. string.sub(session, -16))
  keep(index, at)
end
`;

/** Takes the session off the index. */
export const unlistLua = `redis.call("ZREM", index, number .. ":" .. string.sub(session, -16))`;

/**
 * `write()`: the first `removed` of `fields` are names to delete, the rest names and values. Answers the new version, or -1 where the
 * data would outgrow `maxBytes`. The last eight requests are remembered, so that one that is sent twice is written once.
 */
export const writeLua = `
local function write()
  local gone = tonumber(removed)
  local version, bytes, writes = string.match(h.w, "^(%d+) (%d+) (.*)$")
  if string.find(writes, request, 1, true) then return tonumber(version) end
  local function size(name)
    local held = redis.call("HSTRLEN", session, ":" .. name)
    if held == 0 then return 0 end
    return held + #name
  end
  for i = 1, gone do bytes = bytes - size(fields[i]) end
  for i = gone + 1, #fields, 2 do bytes = bytes - size(fields[i]) + #fields[i] + #fields[i + 1] end
  if tonumber(bytes) > tonumber(maxBytes) then return -1 end
  for i = 1, gone do redis.call("HDEL", session, ":" .. fields[i]) end
  local written = {"w", ${digits("version + 1")} .. " " .. ${digits("bytes")} .. " " .. string.sub(request .. writes, 1, 64)}
  for i = gone + 1, #fields, 2 do
    written[#written + 1] = ":" .. fields[i]
    written[#written + 1] = fields[i + 1]
  end
  redis.call("HSET", session, unpack(written))
  return version + 1
end
`;
