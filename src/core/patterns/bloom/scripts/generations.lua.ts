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
local function look(filter)
  local found = {}
  local ask = {${readHeader.map((part) => JSON.stringify(String(part))).join(",")}}
  for i = 0, #places do
    if i > 0 then
      ask[#ask + 1] = "GET"
      ask[#ask + 1] = "u1"
      ask[#ask + 1] = places[i]
    end
    if i == #places or #ask > 3000 then
      for _, number in ipairs(redis.call("BITFIELD_RO", filter, unpack(ask))) do
        found[#found + 1] = number
      end
      ask = {}
    end
  end
  return found
end
`;
