import { text } from "../../../port/reply.ts";
import { once } from "../../../script/change.lua.ts";
import { defineScript } from "../../../script/define-script.ts";
import { checkVersion, nextVersion, readVersion, versionName } from "./record.lua.ts";

// The version is looked at and raised in the script that writes, so that of two writers who have read the same one only the first
// writes. Answers with the new version, or "conflict".
export const setScript = defineScript({
  keys: ["record", "request"],
  args: ["wanted", "ttl", "remember", "...fields"],
  decode: text,
  lua: once(
    `
${nextVersion}
redis.call("DEL", record)
redis.call("HSET", record, ${versionName}, nextVersion, unpack(fields))
if tonumber(ttl) > 0 then
  redis.call("PEXPIRE", record, ttl)
end
return nextVersion`,
    `
local stored = redis.call("HGET", record, ${versionName})
${readVersion}
${checkVersion('(stored or redis.call("EXISTS", record) == 1)')}`,
  ),
});
