import type { Reply } from "../../../port/redis.ts";
import { integer, text } from "../../../port/reply.ts";
import { digits } from "../../../script/fragments.lua.ts";

/** The fence of what was granted, or how many milliseconds the present holder has left: `Infinity` if its key has no TTL. */
export type AcquireReply = { readonly fence: string } | { readonly busyFor: number };

/** Reads a fence, which has sixteen digits at least, or milliseconds, which have fewer. */
export function decodeAcquire(reply: Reply): AcquireReply {
  const value = text(reply);
  if (value.length >= 16) return { fence: value };
  const left = integer(reply);
  return { busyFor: left === -1 ? Infinity : Math.max(0, left) };
}

/** Milliseconds have fifteen digits at most, so that they are not read as a fence. */
const mostLeft = "1e14";

/** The milliseconds that a key has left; -1 if it has no TTL. */
export function leftOf(key: string): string {
  return `math.min(redis.call("PTTL", ${key}), ${mostLeft})`;
}

/** The milliseconds until an instant. Expects `now`. */
export function leftUntil(instant: string): string {
  return `math.max(0, math.min(${instant} - now, ${mostLeft}))`;
}

/** Stands for the fence of a release that does not know it: it is smaller than all others. */
export const unknownFence = "0";

/** The largest of several fences. */
export function largestFence(fences: readonly string[]): string {
  return String(Math.max(...fences.map(Number))).padStart(16, "0");
}

// What a counter reads is known here alone. It is "last since freed token", three fences of sixteen digits. `last` was drawn last. `freed`
// was released last, by the token behind it, and with it all fences from `since` on; it is empty until the first release. A second run of a release finds its
// fence between those two, also after later releases; a fence whose lease was lost is not between them. The lines below expect
// `counter`, and what it reads as `fences`.

/** The last fence. */
export const lastFence = "string.sub(fences, 1, 16)";
const sinceFence = "string.sub(fences, 18, 33)";
const freedFence = "string.sub(fences, 35, 50)";

/**
 * Draws the next `fence`: one more than the last, and at least the server's time in microseconds, so that it also rises when the
 * counter was lost. A double holds it exactly until the year 2255, and sixteen digits do until 2286. The counter lives for an hour
 * longer than the lease. Expects `counter`, what it reads as `fences`, `ttl` and the server's time as `clock`.
 */
export const drawFence = `
fences = fences or ""
local last, since, freed = ${lastFence}, ${sinceFence}, ${freedFence}
local fence = string.format("%010d%06d", clock[1], clock[2])
if last >= fence then fence = string.format("%016.0f", last + 1) end
-- The last lease was lost and not released. What counts as released begins anew behind it.
if freed == "" or freed ~= last then since = fence end
redis.call("SET", counter, fence .. " " .. since .. " " .. freed, "PX", ${digits("ttl + 3600000")})`;

/** Makes the counter read `fence` at least. Expects `ttl`, too. It is a function so that a bundle that does not use it can drop it. */
export function raiseCounter(): string {
  return `
local fences = redis.call("GET", counter)
if not fences then
  redis.call("SET", counter, fence .. " " .. fence .. " ", "PX", ${digits("ttl + 3600000")})
elseif ${lastFence} < fence then
  redis.call("SETRANGE", counter, 0, fence)
end`;
}

/** Remembers that the last fence was released, and by which `token`: it can claim nothing any more. */
export const markFreed = `
if fences then redis.call("SETRANGE", counter, "34", ${lastFence} .. " " .. token) end`;

/** True if `fence` was released before. */
export const wasFreed = `(fences and fence >= ${sinceFence} and fence <= ${freedFence})`;
