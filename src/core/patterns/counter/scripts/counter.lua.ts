import { digits } from "../../../script/fragments.lua.ts";
import { mostCount, unreadable } from "../format.ts";

/** Reads the counter: `stored` is its text, `value` its number. What is no count of ours is left as it is, and answered with a sign. */
export const readCounter = `
local stored = redis.call("GET", counter) or "0"
local value = tonumber(stored)
if not value or ${digits("value")} ~= stored or not (math.abs(value) <= ${mostCount}) then
  return "${unreadable}"
end
`;

/** Writes the counter with its TTL: `ttl` milliseconds from now, and 0 is for ever. */
export function writeCounter(value: string): string {
  return `
if tonumber(ttl) == 0 then
  redis.call("SET", counter, ${value})
else
  redis.call("SET", counter, ${value}, "PX", ttl)
end`;
}
