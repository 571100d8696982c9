/**
 * Does on one key what the scripts of the patterns do: it stores a value, which needs memory, reads it, deletes it, reads the server's clock,
 * and publishes if there is a channel. It answers with the clock, and with the error of the publication.
 */
export const pingScript = `
redis.call("SET", KEYS[1], "ping", "PX", 1000)
redis.call("GET", KEYS[1])
redis.call("DEL", KEYS[1])
local clock = redis.call("TIME")
local refusal = ""
if ARGV[1] ~= "" then
  -- A user without channels may do everything else.
  local receivers = redis.pcall("PUBLISH", ARGV[1], "")
  if type(receivers) == "table" then refusal = receivers.err end
end
return {tonumber(clock[1]), tonumber(clock[2]), refusal}`;
