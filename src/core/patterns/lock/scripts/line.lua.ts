import { digits } from "../../../script/fragments.lua.ts";
import { markWantedInLine } from "./wanted.lua.ts";

// A line is a sorted set: the tokens of the waiters by their arrival, in microseconds of the server. The sorted set `alive` holds those
// of all lines, by the time until which each counts as alive unless it asks again. These functions are given names of Lua locals.

/** Waiters ask again three times in the time for which their place is kept. Expects `patience`. */
export const askAgainIn = "math.floor(patience / 3)";

/** The time until which an asker of this moment counts as alive. */
const aliveUntil = "now + patience";

/**
 * Lets no waiter count as alive for longer than one that asks now: after the server's clock was set back, a dead one would, by the whole
 * step. A hundred at most, as below. Expects `alive`, `patience` and `now`.
 */
export const boundSigns = `
local longest = ${digits(aliveUntil)}
for _, waiter in ipairs(redis.call("ZRANGEBYSCORE", alive, "(" .. longest, "+inf", "LIMIT", 0, 100)) do
  redis.call("ZADD", alive, longest, waiter)
end`;

/**
 * Removes the waiters that have not asked for too long, so that a dead one does not block the line. A hundred at most, to stay short;
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
redis.call("ZADD", alive, ${aliveUntil}, token)
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
