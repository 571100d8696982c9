import { createHash } from "node:crypto";

/**
 * What the engine's Lua gets wrong, put right by the first line of each script: `string.format("%d")` has 32 bits there, and a number
 * becomes the argument of a command with 14 digits, where Redis gives it 17.
 */
const prelude = `
local string, redis = (function()
  local exact, format = {}, string.format
  for name, value in pairs(string) do exact[name] = value end
  exact.format = function(pattern, ...)
    local n, values = 0, {...}
    pattern = exact.gsub(pattern, '%%([%-+ #0]*%d*%.?%d*)([%a%%])', function(flags, kind)
      if kind == '%' then return nil end
      n = n + 1
      local value = (kind == 'd' or kind == 'i') and tonumber(values[n])
      if value and (value > 2147483647 or value < -2147483648) then
        values[n] = value < 0 and math.ceil(value) or math.floor(value)
        return '%' .. exact.match(flags, '^[^.]*') .. '.0f'
      end
    end)
    return format(pattern, unpack(values, 1, select('#', ...)))
  end
  local function with(call)
    return function(...)
      local values, count = {...}, select('#', ...)
      for i = 1, count do
        if type(values[i]) == 'number' then values[i] = format('%.17g', values[i]) end
      end
      return call(unpack(values, 1, count))
    end
  end
  return exact, setmetatable({ call = with(redis.call), pcall = with(redis.pcall) }, { __index = redis })
end)()`;

const firstLine = Buffer.from(`${prelude.replaceAll(/\s+/g, " ")} `);

/** Puts the prelude into the first line of a script, in place of a header such as `#!lua`. No line gets another number. */
export function exactNumbers(script: Buffer): Buffer {
  const hasHeader = script.subarray(0, 5).equals(Buffer.from("#!lua"));
  const end = script.indexOf("\n");
  return Buffer.concat([firstLine, hasHeader ? script.subarray(end < 0 ? script.length : end) : script]);
}

/** Gives an error of a script the digest of the script as it was sent. */
export function nameScript<T>(script: Buffer, reply: T): T {
  const meta: unknown = typeof reply === "object" && reply !== null ? Reflect.get(reply, "meta") : undefined;
  if (typeof meta === "object" && meta !== null) {
    Reflect.set(meta, "sha", createHash("sha1").update(script).digest("hex"));
  }
  return reply;
}
