/**
 * `write()`: the first `removed` of `fields` are names to delete, the rest names and values. Answers the new version, or -1 where the
 * data would outgrow `maxBytes`. The last eight requests are remembered, so that one that is sent twice is written once.
 */
export const writeLua = `
local function write()
  local gone = tonumber(removed)
  local h = redis.call("HMGET", session, "v", "b", "w")
  if string.find(h[3], request, 1, true) then return tonumber(h[1]) end
  local function size(name)
    local held = redis.call("HSTRLEN", session, ":" .. name)
    if held == 0 then return 0 end
    return held + #name
  end
  local bytes = tonumber(h[2])
  for i = 1, gone do bytes = bytes - size(fields[i]) end
  for i = gone + 1, #fields, 2 do bytes = bytes - size(fields[i]) + #fields[i] + #fields[i + 1] end
  if bytes > tonumber(maxBytes) then return -1 end
  for i = 1, gone do redis.call("HDEL", session, ":" .. fields[i]) end
  for i = gone + 1, #fields, 2 do redis.call("HSET", session, ":" .. fields[i], fields[i + 1]) end
  redis.call("HSET", session, "b", text(bytes), "w", string.sub(request .. h[3], 1, 64))
  return redis.call("HINCRBY", session, "v", 1)
end
`;
