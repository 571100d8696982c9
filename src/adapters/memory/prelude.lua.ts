/**
 * What the engine's Lua does otherwise than Redis, put right around each script: `string.format("%d")` has 32 bits there, as its relatives have, a number becomes
 * the argument of a command with 14 digits, where Redis gives it 17, and what a script raises is no table.
 */
export const prelude = `
  local exact, format = {}, string.format
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

  local function command(raises)
    return function(...)
      local values, count = {...}, select('#', ...)
      for i = 1, count do
        if type(values[i]) == 'number' then values[i] = format('%.17g', values[i]) end
      end
      local reply = redis.pcall(unpack(values, 1, count))
      if raises and type(reply) == 'table' and reply.err then error(reply, 0) end
      return reply
    end
  end
  local function readonly(content)
    return setmetatable({}, { __index = content, __newindex = function()
      error('Attempt to modify a readonly table', 2)
    end })
  end
  local library = setmetatable({ call = command(true), pcall = command(false) }, { __index = redis })

  local function line()
    for level = 3, 30 do
      local _, where = pcall(error, '', level)
      local found = exact.match(where, '^user_script:(%d+)')
      if found then return found end
    end
    return '1'
  end
  local function run(script)
    local ok, reply = xpcall(script, function(raised)
      local text = type(raised) == 'table' and raised.err or 'ERR ' .. tostring(raised)
      return '<line ' .. line() .. '>' .. text
    end)
    if ok then return reply end
    return { err = reply }
  end
  return readonly(exact), readonly(library), run`;
