/** A script that may write, on a key that is not there; it answers with the server's clock. */
export const probe = `redis.call("DEL", KEYS[1]) local t = redis.call("TIME") return {tonumber(t[1]), tonumber(t[2])}`;
