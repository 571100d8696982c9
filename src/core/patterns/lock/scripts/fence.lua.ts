/**
 * Draws the next fence: one more than the last, and at least the server's time in microseconds, so that it also rises when the
 * counter was lost. A double holds it exactly until the year 2255, and sixteen digits do until 2286. Expects `counter`, `ttl` and the
 * server's time as `t`.
 *
 * The counter reads "last since freed": the last fence, the last one that was released, and since which one each was. A second run
 * of a release finds its fence between those two; one whose lease had been lost does not, whoever released after that.
 */
export const drawFence = `
local fence = string.format("%010d%06d", t[1], t[2])
local fences = redis.call("GET", counter) or ""
local last, since, freed = string.sub(fences, 1, 16), string.sub(fences, 18, 33), string.sub(fences, 35)
if last >= fence then fence = string.format("%016.0f", last + 1) end
if freed == "" or freed ~= last then since = fence end
redis.call("SET", counter, fence .. " " .. since .. " " .. freed, "PX", string.format("%d", ttl + 3600000))`;

/** The last fence in what the counter reads. */
export function lastOf(fences: string): string {
  return `string.sub(${fences}, 1, 16)`;
}

/** Remembers that the last fence was released. Expects `counter` and what it reads as `fences`. */
export const markFreed = `
if fences then redis.call("SETRANGE", counter, "34", ${lastOf("fences")}) end`;

/** 1 if `fence` was released before, else 0. Expects what the counter reads as `fences`. */
export const wasFreed = `
(fences and fence >= string.sub(fences, 18, 33) and fence <= string.sub(fences, 35) and 1 or 0)`;
