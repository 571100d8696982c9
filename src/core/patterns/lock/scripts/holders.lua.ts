// Several holders at a time: a sorted set of their tokens, by the server's time at which each one's lease ends.

/**
 * Lets the token hold until `now + ttl`, or longer if it did already, and keeps the set as long as its last member: a short lease never
 * shortens the others'. Expects `token`, `ttl`, `now` and the set in the local named here.
 */
export function holdIn(holders: string): string {
  return `
redis.call("ZADD", ${holders}, math.max(now + ttl, tonumber(redis.call("ZSCORE", ${holders}, token) or 0)), token)
redis.call("PEXPIREAT", ${holders}, redis.call("ZRANGE", ${holders}, -1, -1, "WITHSCORES")[2])`;
}

/**
 * Remembers for a minute that the token was `released`, which is 1 or 0. Run again after a lost reply, a release finds its token gone,
 * as it does where the lease was lost: this mark, one for each token, keeps those two apart. Expects `freed`.
 */
export const rememberRelease = `
if released == 1 then
  redis.call("SET", freed, 1, "PX", 60000)
else
  released = redis.call("EXISTS", freed)
end`;
