// Several holders at a time: a sorted set of their tokens, by the server's time at which each one's lease ends. These functions are given
// the name of the Lua local that holds its key.

/**
 * Removes the holders whose time is over. A hundred at most, to stay short: nobody may count on it, it only keeps the set from growing.
 * Expects `now`.
 */
export function removeEnded(holders: string): string {
  return `
local ended = redis.call("ZRANGEBYSCORE", ${holders}, "-inf", now, "LIMIT", 0, 100)
if ended[1] then redis.call("ZREM", ${holders}, unpack(ended)) end`;
}

/** How many hold now. Expects `now`. */
export function countIn(holders: string): string {
  return `redis.call("ZCOUNT", ${holders}, "(" .. now, "+inf")`;
}

/** True if the token named here holds now. Expects `now`. */
export function holdsIn(holders: string, token = "token"): string {
  return `(tonumber(redis.call("ZSCORE", ${holders}, ${token}) or 0) > now)`;
}

/**
 * Lets the token hold until `now + ttl`, or longer if it did already, and keeps the set as long as its last member: a short lease never
 * shortens the others'. Expects `token`, `ttl` and `now`.
 */
export function holdIn(holders: string): string {
  return `
redis.call("ZADD", ${holders}, math.max(now + ttl, tonumber(redis.call("ZSCORE", ${holders}, token) or 0)), token)
redis.call("PEXPIREAT", ${holders}, redis.call("ZRANGE", ${holders}, -1, -1, "WITHSCORES")[2])`;
}

/**
 * Remembers for a minute that the token was `released`, which is 1 or 0: 1 if it held, else 0 and it was given up. Run again after a lost
 * reply, a release finds its token gone, as it does where the lease was lost: this mark, one for each token, keeps those two apart. A
 * claim that comes after its release is refused by either. Expects `freed`.
 */
export const rememberRelease = `
if released == 1 then
  redis.call("SET", freed, 1, "PX", 60000)
else
  local before = redis.call("GET", freed)
  if not before then redis.call("SET", freed, 0, "PX", 60000) end
  if before == "1" then released = 1 end
end`;

/**
 * Passes a place from the token `held`, which hands it off, to the one that asks; `held` is empty for a claim. Expects whether the asker `holds`
 * already, and `spent`, which remembers that the old token was given up.
 */
export function takeOverIn(holders: string): string {
  return `
if held ~= "" and not holds then
  if not ${holdsIn(holders, "held")} then return 0 end
  redis.call("ZREM", ${holders}, held)
  redis.call("SET", spent, 0, "PX", 60000)
  holds = true
end`;
}
