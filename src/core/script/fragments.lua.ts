// Lua that several scripts share. What is given to these functions is Lua, too.

/** Reads the server's time as `clock`: seconds and microseconds. */
export const serverClock = `
local clock = redis.call("TIME")
`;

/** Reads the server's time: as `clock`, seconds and microseconds, and as `now` in milliseconds. */
export const serverTime = `
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
`;

/** Writes a whole number in digits alone; Lua would write a large one with an exponent. */
export function digits(number: string): string {
  return `string.format("%.0f", ${number})`;
}

/**
 * A new epoch: the server's time in microseconds, so that one that was lost is never counted up to again. Expects `clock` of
 * `serverClock` or `serverTime`.
 */
export const newEpoch = "clock[1] * 1000000 + clock[2]";

/** An epoch above the last one, also where the server's clock was set back. Expects `clock` of `serverTime`. */
export function nextEpoch(last: string): string {
  return `math.max(${last} + 1, ${newEpoch})`;
}

/** Lets a key live for `ttl` milliseconds more at least; it never shortens a life. */
export function keepFor(key: string, ttl: string): string {
  return `if redis.call("PTTL", ${key}) < tonumber(${ttl}) then redis.call("PEXPIRE", ${key}, ${ttl}) end`;
}
