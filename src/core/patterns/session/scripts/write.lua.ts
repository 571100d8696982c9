import { textLua } from "./record.lua.ts";

/**
 * `write()`: the first `removed` of `fields` are names to delete, the rest names and values. Answers the new version, or -1 where the
 * data would outgrow `maxBytes`. The last eight requests are remembered, so that one that is sent twice is written once.
 */
export const writeLua = `${textLua}
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
  local written = {"w", text(version + 1) .. " " .. text(bytes) .. " " .. string.sub(request .. writes, 1, 64)}
  for i = gone + 1, #fields, 2 do
    written[#written + 1] = ":" .. fields[i]
    written[#written + 1] = fields[i + 1]
  end
  redis.call("HSET", session, unpack(written))
  return version + 1
end
`;
