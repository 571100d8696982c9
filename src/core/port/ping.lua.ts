/** A script that may write, as those of the patterns do, on a key that does not exist. It answers with the server's clock. */
export const pingScript = `
redis.call("DEL", KEYS[1])
local clock = redis.call("TIME")
return {tonumber(clock[1]), tonumber(clock[2])}`;
