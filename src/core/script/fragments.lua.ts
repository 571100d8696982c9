// Lua that several scripts share. The arguments of these functions are Lua, too.

/** Reads the server's time into the local `clock`, the pair of seconds and microseconds. */
export const serverClock = `
local clock = redis.call("TIME")
`;

/** Reads the server's time into two locals: `clock` is the pair of seconds and microseconds, `now` is in milliseconds. */
export const serverTime = `
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
`;

/** The text of a whole number in digits alone. Lua by itself writes a large number with an exponent. */
export function digits(number: string): string {
  return `string.format("%.0f", ${number})`;
}

/**
 * A new epoch: the server's time in microseconds. If an epoch is lost with its key, no later one can become equal to it. It needs `clock`
 * of `serverClock` or `serverTime`.
 */
export const newEpoch = "clock[1] * 1000000 + clock[2]";

/** An epoch above the last one, even if the server's clock was set back. It needs `clock`, too. */
export function nextEpoch(last: string): string {
  return `math.max(${last} + 1, ${newEpoch})`;
}

/** Makes a key live for at least `ttl` milliseconds more. It never shortens the TTL. */
export function keepFor(key: string, ttl: string): string {
  return `if redis.call("PTTL", ${key}) < tonumber(${ttl}) then redis.call("PEXPIRE", ${key}, ${ttl}) end`;
}

/** Publishes news of what the script has done. A user that may not publish has done it all the same, so a refusal does not fail the script. */
export function publish(channel: string, message: string): string {
  return `redis.pcall("PUBLISH", ${channel}, ${message})`;
}
