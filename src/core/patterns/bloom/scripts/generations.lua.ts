import { choosePeriod } from "../../../script/period.lua.ts";
import { readHeader } from "../format.ts";

/**
 * Chooses the filter that is written, `current`, and the generation before it, `older`, if there are generations. The text `starts` has the
 * bounds of `choosePeriod`.
 */
export const chooseGenerations = `
local bounds = {}
for bound in string.gmatch(starts, "%S+") do
  bounds[#bounds + 1] = bound
end
${choosePeriod}
local current, older = filters[1], nil
if filters[2] then
  current, older = filters[place + 1], filters[place]
end
`;

/**
 * A Lua function that reads the header of a filter and the bits at `places` into one list. Each command has a thousand bits, since the
 * stack of Lua is limited.
 */
export const look = `
local function append(list, more)
  if not list then
    return more
  end
  for _, number in ipairs(more) do
    list[#list + 1] = number
  end
  return list
end
local function look(filter)
  local ask, n = {${readHeader.map((part) => JSON.stringify(String(part))).join(",")}}, ${readHeader.length}
  local found
  for i = 1, #places do
    if n > 3000 then
      found = append(found, redis.call("BITFIELD_RO", filter, unpack(ask, 1, n)))
      n = 0
    end
    ask[n + 1], ask[n + 2], ask[n + 3] = "GET", "u1", places[i]
    n = n + 3
  end
  return append(found, redis.call("BITFIELD_RO", filter, unpack(ask, 1, n)))
end
`;
