import { digits, serverClock } from "../../../script/fragments.lua.ts";
import { maxProperties, versionField } from "../format.ts";

// Lua that the scripts of this pattern share.

/** The name of the version's field, in Lua. */
export const versionName = `"${versionField}"`;

/** Reads the version of the text `stored` into the local `version`: 0 for none, and for what is no version. */
export const readVersion = `
local version = 0
if stored and #stored <= 16 and string.match(stored, "^[1-9]%d*$") then
  version = tonumber(stored)
end
`;

/**
 * Ends the script if the caller wants another version than the one that is there. `wanted` is empty where any will do, and "none" where there
 * must be no record. It needs `version`, and an expression that says whether there is a record. The answer is "conflict", and a word that
 * says where there is a record although there must be none, or none.
 */
export function checkVersion(isThere: string): string {
  return `
if wanted ~= "" and wanted ~= (${isThere} and ${digits("version")} or "none") then
  if wanted == "none" then
    return "conflict there"
  end
  return ${isThere} and "conflict" or "conflict none"
end
`;
}

/**
 * The text of the next version becomes the local `nextVersion`. The first one is the server's time in microseconds, so that a record that
 * was deleted and made anew does not get a version that it had before.
 */
export const nextVersion = `
local nextVersion
if version > 0 then
  nextVersion = ${digits("version + 1")}
else
  ${serverClock}
  nextVersion = ${digits("clock[1] * 1000000 + clock[2]")}
end
`;

/** Makes the record live for `ttl` from now; 0 is for ever. */
export const keepAlive = `
if tonumber(ttl) == 0 then
  redis.call("PERSIST", record)
else
  redis.call("PEXPIRE", record, ttl)
end
`;

/**
 * Counts the pairs of the list `pairsThere`: their number without the pattern's own field becomes `count`, their bytes `bytes`, and the text of
 * that field `storedVersion`. The table `sizes` has the bytes of each. It ends the script if the record has a later format.
 */
export const measure = `
local sizes = {}
local count, bytes = 0, 0
local storedVersion = false
for i = 1, #pairsThere, 2 do
  local field, size = pairsThere[i], #pairsThere[i] + #pairsThere[i + 1]
  if field == ${versionName} then
    storedVersion = pairsThere[i + 1]
  elseif string.match(field, "^:v%d+$") then
    return "later"
  else
    sizes[field] = size
    count = count + 1
    bytes = bytes + size
  end
end
`;

/** Ends the script if the record would be too large. One that is, since the limit was lower or another program wrote it, may become smaller. */
export const checkSize = `
if bytesAfter > tonumber(maxBytes) and bytesAfter > bytes then
  return "large " .. ${digits("bytesAfter")}
end
if countAfter > ${maxProperties} and countAfter > count then
  return "full"
end
`;
