import { serverTime } from "../../../script/fragments.lua.ts";
import { choosePeriod } from "../../../script/period.lua.ts";

/**
 * Chooses the period. `edges` has the start of the first one and the end of each, with spaces between them; it is empty where there are
 * no periods. `place` becomes the number of the period.
 */
export const chooseByEdges = `
local bounds = {}
for edge in string.gmatch(edges, "[-%d]+") do
  bounds[#bounds + 1] = edge
end
${choosePeriod}`;

/**
 * Ends a change of a period whose time is over: it is not kept, and it ends no counter that is there because it was written with a longer `ttl`.
 * One period alone may be over, that of an instant which the caller named.
 */
export function leaveWhatIsOver(answer: string): string {
  return `
if bounds[2] and not bounds[3] and tonumber(ttl) > 0 then
  ${serverTime}
  if now >= bounds[2] + ttl then
    return "${answer}"
  end
end
`;
}

/**
 * The members of the chosen period are those from `first` to `last`. A salt that changes gives a member another text in another period:
 * `slices` has a digit for each period, which says where its texts are, and `size` is how many texts one place has.
 */
export const membersOfPeriod = `
local first = (string.sub(slices, place, place) - 1) * size + 1
local last = first + size - 1
`;

/** The member of the chosen period. */
export const memberOfPeriod = "members[tonumber(string.sub(slices, place, place))]";

/** So many members one step of a merge reads, which takes a few milliseconds. */
const stepSize = 5_000;

/** So many members may be united at once. It is also what `hybrid` may hold exactly. */
export const mostAtOnce = 10_000;

/**
 * The beginning of a merge. `keys` has a key for the answer of each window, and then the counters of all periods. The local `offset` is
 * where those of the chosen window begin, behind one of its `length` periods. A merge that is too long for one script goes on where the last one ended: with
 * the period number `from`, and at `cursor` in it. What it has found is in `building`.
 *
 * An answer that is there is given again, also to a step that was sent twice.
 * @param width How many keys one period has.
 */
export function beginMerge(width: number): string {
  return `
${chooseByEdges}
local answer = keys[place]
local known = redis.call("GET", answer)
if known then
  return known .. " " .. place
end
local current = tonumber(from)
local periods = tonumber(length)
local isFirst = current == 1 and cursor == "0"
if not isFirst and redis.call("EXISTS", building) == 0 then
  return redis.error_reply("ERR a merge was lost on its way; count again")
end
local offset = math.max(#bounds - 1, 1) + (place - 1) * ${width}
local budget = ${stepSize}
`;
}

/**
 * The end of a merge: the local \`count\` is known. An answer is given for a while, so that many readers cost one merge.
 * @param exact 1 or 0, in Lua.
 */
export function answerMerge(count: string, exact: string): string {
  return `
local counted = string.format("%.0f", ${count}) .. " " .. ${exact}
redis.call("UNLINK", building)
redis.call("SET", answer, counted, "PX", fresh)
return counted .. " " .. place`;
}

/** Ends a step of a merge that is not over. A merge that nobody goes on with is gone after a minute. */
export const pauseMerge = `
if current <= periods then
  redis.call("PEXPIRE", building, 60000)
  return "> " .. place .. " " .. string.format("%d", current) .. " " .. cursor
end
`;

/** Reads the next members of the set \`key\` and adds them to what is built. Servers give all members of a small set at once. */
export function addPage(command: "SADD" | "PFADD", key: string): string {
  return `
local page = redis.call("SSCAN", ${key}, cursor, "COUNT", 1000)
for from = 1, #page[2], 1000 do
  redis.call("${command}", building, unpack(page[2], from, math.min(from + 999, #page[2])))
end
budget = budget - #page[2] - 1
cursor = page[1]
if cursor == "0" then
  current = current + 1
end
`;
}

/** Counts what the sets of a window hold together at most, and unites them at once if that is little. It needs a list \`sets\`. */
export function uniteAtOnce(): string {
  return `
local total = 0
for _, set in ipairs(sets) do
  total = total + redis.call("SCARD", set)
end
if total <= ${mostAtOnce} then
  redis.call("SUNIONSTORE", building, unpack(sets))
  ${answerMerge('redis.call("SCARD", building)', "1")}
end
`;
}
