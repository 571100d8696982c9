/**
 * A script that makes a change once. `request` is a key that remembers the answer for `remember` milliseconds: a client may send the same
 * call twice, and then the second one changes nothing and is given the answer of the first.
 * @param change The body of a Lua function. It returns its answer as a text.
 * @param before What runs before it, each time the change is not yet made. Its locals are known to the change.
 */
export function once(change: string, before = ""): string {
  return `
local answer = redis.call("GET", request)
if answer then
  return answer
end
${before}
local function change()
${change}
end
answer = change()
redis.call("SET", request, answer, "PX", remember)
return answer`;
}
