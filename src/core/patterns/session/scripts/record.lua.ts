import type { Decode } from "../../../port/reply.ts";
import { digits, serverTime } from "../../../script/fragments.lua.ts";
import { SessionDataError } from "../errors.ts";
import { headPattern, noEpoch } from "../format/head.ts";
import { memberOfSession } from "../format/keys.ts";
import { maxFields } from "../format/record.ts";
import { snapshotLine } from "../format/snapshot.ts";

// The lines that the scripts of sessions share. The keys are those of `SessionKeys`, and `digest` is that of the caller's token.

/** The parts that scripts look at; `rest` is all that follows them. `current` is the digest of the session's newest token. */
export const takeHeadApart = `current, epoch, generation, number, ends, idle, rest =
  string.match(head or "", "${headPattern("rotatedAt")} (.+)$")`;

/**
 * `alive` closes the race between a session's end and every other call. The record must exist, hold the digest of this token, and stem
 * from the epoch of its user and the generation of its bucket; if one of those is missing, the session is dead. Expiry is the record's
 * own TTL, by the server's clock. Its absolute end is compared too, since a touch must not set a TTL of 0.
 */
function checkAlive(previous: string): string {
  return `
local ${takeHeadApart}
local alive = current and now < tonumber(ends)
if alive and current ~= digest then
  -- The token before the last rotation counts until its grace ends.
  local previous, graceEnds = string.match(${previous} or "", "^(%S+) (%d+)$")
  alive = previous == digest and tonumber(graceEnds) > now
end
alive = alive and redis.call("HGET", bucket, "e") == generation
if alive and epoch ~= "${noEpoch}" then
  local owner = redis.call("HMGET", user, "e", "w")
  alive = owner[1] == epoch and tonumber(number) > tonumber(owner[2] or 0)
end
`;
}

/** The first lines of a script that needs no data. The script must not go on unless `alive`. */
export const prelude = `${serverTime}
local head, writes, previous, coded = unpack(redis.call("HMGET", session, "m", "w", "p", "c"))
${checkAlive("previous")}`;

// Fields of data go to `data` as lines, whose first is left to the snapshot, and all others to `record` by name.
const loadRecord = `
record, data = {}, {""}
local all, byte, last = redis.call("HGETALL", session), string.byte, 1
for i = 1, #all, 2 do
  local name = all[i]
  -- 58 is the colon that the name of a field of data begins with.
  if byte(name) == 58 then
    data[last + 1] = name
    last = last + 2
    data[last] = all[i + 1]
  else
    record[name] = all[i + 1]
  end
end
`;

/** The first lines of a script that answers with the session. They define no functions, since each call would make them anew. */
export const dataPrelude = `${serverTime}
local record, data
${loadRecord}
local head, coded = record.m, record.c
${checkAlive("record.p")}`;

/**
 * Ends a script, before it has changed anything, with the name of the codec that the session was written with, if the caller's is another
 * one. See `unlessForeign`.
 */
export const checkCodecName = `
coded = coded or "json"
if alive and coded ~= codec then return "!" .. coded end
`;

/** Decodes the reply of a script with `checkCodecName`. */
export function unlessForeign<T>(decode: Decode<T>): Decode<T> {
  return (reply) => {
    if (typeof reply !== "string" || !reply.startsWith("!")) return decode(reply);
    throw new SessionDataError(`The session was written with the codec \`${reply.slice(1)}\``);
  };
}

/** The snapshot is one text of lines, which costs a client half of what a list does. */
export const snapshotText = 'table.concat(data, "\\n")';

export const returnSnapshot = `
data[1] = ${snapshotLine}
return ${snapshotText}
`;

/** Makes the snapshot anew after a write. The last millisecond of the session may be over by then. */
export const reloadSnapshot = `
${loadRecord}
head = record.m
if not head then return false end
${takeHeadApart}
data[1] = ${snapshotLine}
`;

/** Lets a key live until an instant at least: the epoch and the generation of a session must live as long as it does. */
export function keepUntil(key: string, instant: string): string {
  return `if redis.call("PTTL", ${key}) < ${instant} - now then redis.call("PEXPIREAT", ${key}, ${digits(instant)}) end`;
}

/** Enters a user's session in the index, which may forget it at `expiresAt`. */
export const enlist = `
redis.call("ZADD", index, ${digits("expiresAt")}, ${memberOfSession})
${keepUntil("index", "expiresAt")}
`;

/** Takes the session off the index. */
export const unlist = `redis.call("ZREM", index, ${memberOfSession})`;

export const splitWrites = 'local version, bytes, requests = string.match(writes, "^(%d+) (%d+) (.*)$")';

/** Counts a write of data: the version grows, `bytes` and `requests` are new. */
export const countWrite = `writes = ${digits("version + 1")} .. " " .. ${digits("bytes")} .. " " .. requests`;

/**
 * `write()` writes a patch: the first `removed` of `fields` are names to delete, the others names and values. It returns the new
 * version, -1 if the data would outgrow `maxBytes`, or -2 if it would have too many fields. The last eight requests are remembered, so that one that is sent twice is
 * written once.
 */
export const defineWrite = `
local function write()
  ${splitWrites}
  if string.find(requests, request, 1, true) then return tonumber(version) end
  local gone = tonumber(removed)
  -- The colon before each name does not count.
  local kept = redis.call("HLEN", session)
  local function size(name)
    local length = redis.call("HSTRLEN", session, name)
    if length == 0 then return 0 end
    kept = kept - 1
    return length + #name - 1
  end
  for i = 1, gone do
    bytes = bytes - size(fields[i])
  end
  for i = gone + 1, #fields, 2 do
    bytes = bytes - size(fields[i]) + #fields[i] - 1 + #fields[i + 1]
  end
  if tonumber(bytes) > tonumber(maxBytes) then return -1 end
  -- Up to six fields are the record's own.
  if kept + (#fields - gone) / 2 > ${maxFields + 6} then return -2 end
  for i = 1, gone do
    redis.call("HDEL", session, fields[i])
  end
  requests = string.sub(request .. requests, 1, 64)
  ${countWrite}
  redis.call("HSET", session, "w", writes, unpack(fields, gone + 1))
  return version + 1
end
`;
