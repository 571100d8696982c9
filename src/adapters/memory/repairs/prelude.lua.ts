/**
 * What comes before each script, since the engine's Lua does these things otherwise than Redis: a number becomes the argument of a command
 * with 14 digits, where Redis gives it 17, and what a command raises is no table. It is compiled with each script, so it is short.
 */
export const prelude = `
local redis, run = (function(redis, ask)
  local function command(raises)
    return function(...)
      local values, n = {...}, select('#', ...)
      for i = 1, n do
        if type(values[i]) == 'number' then values[i] = string.format('%.17g', values[i]) end
      end
      local reply = ask(unpack(values, 1, n))
      if raises and type(reply) == 'table' and reply.err then error(reply, 0) end
      return reply
    end
  end
  local library = setmetatable({ call = command(true), pcall = command(false) }, { __index = redis })
  local function refuse() error('Attempt to modify a readonly table', 2) end
  return setmetatable({}, { __index = library, __newindex = refuse }), function(script)
    local ok, reply = xpcall(script, function(raised)
      local line = 1
      for level = 2, 30 do
        local _, where = pcall(error, '', level)
        local found = string.match(where, '^user_script:(%d+)')
        if found then line = found break end
      end
      return '<line ' .. line .. '>' .. (type(raised) == 'table' and raised.err or 'ERR ' .. tostring(raised))
    end)
    if ok then return reply end
    return { err = reply }
  end
end)(redis, redis.pcall)`;

/** Before a script that formats whole numbers: the engine's \`%d\` has 32 bits, and so have its relatives. */
export const preludeOfFormats = `
local string = (function(format)
  local exact = {}
  for name, value in pairs(string) do exact[name] = value end
  exact.format = function(pattern, ...)
    local n, values = 0, {...}
    pattern = exact.gsub(pattern, '%%([%-+ #0]*%d*%.?%d*)([%a%%])', function(flags, kind)
      if kind == '%' then return nil end
      n = n + 1
      local value = exact.find('diuxXo', kind, 1, true) and tonumber(values[n])
      if value and (value > 2147483647 or value < -2147483648) then
        value = value < 0 and math.ceil(value) or math.floor(value)
        if kind == 'x' or kind == 'X' then
          values[n] = format('%' .. kind .. '%08' .. kind, math.floor(value / 2^32) % 2^32, value % 2^32)
          return '%' .. flags .. 's'
        end
        values[n] = value
        return '%' .. exact.match(flags, '^[^.]*') .. '.0f'
      end
    end)
    return format(pattern, unpack(values, 1, select('#', ...)))
  end
  local function refuse() error('Attempt to modify a readonly table', 2) end
  return setmetatable({}, { __index = exact, __newindex = refuse })
end)(string.format)`;
