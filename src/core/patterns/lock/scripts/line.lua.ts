import { markWantedInLine } from "./wanted.lua.ts";

// Who waits in order of arrival: a line is a sorted set of tokens by their arrival, in microseconds. The sorted set `alive` says until
// when each of them, in whichever line, counts as alive unless it asks again. The names given to these functions are Lua locals.

/** Waiters ask again three times in the time for which their place is kept. Expects `patience`. */
export const askAgainIn = "math.floor(patience / 3)";

/**
 * Removes the waiters who have not asked for too long, so that a dead one does not block the line. A hundred at most, to stay short;
 * the next call removes the next. Expects `alive` and `now`.
 */
export function removeDead(...lines: readonly string[]): string {
  return `
for _, dead in ipairs(redis.call("ZRANGEBYSCORE", alive, "-inf", now, "LIMIT", 0, 100)) do
  ${forEach(lines, (line) => `redis.call("ZREM", ${line}, dead)`)}
  redis.call("ZREM", alive, dead)
end`;
}

/** Keeps the token's place in its line: asking is its sign of life. Expects `alive`, `wanted`, `token`, `patience` and `now`. */
export function keepPlace(...lines: readonly string[]): string {
  return `
redis.call("ZADD", alive, now + patience, token)
${forEach(lines, (line) => `redis.call("PEXPIRE", ${line}, patience)`)}
redis.call("PEXPIRE", alive, patience)
${markWantedInLine}`;
}

/** Gives up the token's place. Expects `alive` and `token`. */
export function leaveLine(line: string): string {
  return `
redis.call("ZREM", ${line}, token)
redis.call("ZREM", alive, token)`;
}

function forEach(lines: readonly string[], command: (line: string) => string): string {
  return lines.map(command).join("\n");
}
