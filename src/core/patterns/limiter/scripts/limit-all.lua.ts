import type { Arg } from "../../../port/redis.ts";
import { integers } from "../../../port/reply.ts";
import { defineScript, type Script } from "../../../script/define-script.ts";

/** One limit, as the script sees it. */
export interface ScriptItem {
  /** The algorithm: a Lua function. */
  readonly plan: string;
  readonly key: string;
  /** The id of the call; see `defineDecision`. */
  readonly callId: string;
  readonly cost: number;
  /** The algorithm's three numbers. */
  readonly numbers: readonly number[];
}

type AllScript = Script<"...keys" | "...items", number[]>;

/** A script and what to give it. */
interface Prepared {
  readonly script: AllScript;
  readonly values: { readonly keys: readonly Arg[]; readonly items: readonly Arg[] };
}

const scripts = new Map<string, AllScript>();

/**
 * Finds the script for these limits. The same few combinations come again and again, so each text is put together and hashed once.
 * @param seen The key that remembers a named call, if it has a name.
 */
export function scriptFor(items: readonly ScriptItem[], seen: readonly string[]): Prepared {
  const plans = [...new Set(items.map(({ plan }) => plan))];
  const name = plans.join("\0");
  const script = scripts.get(name) ?? composeScript(plans);
  scripts.set(name, script);
  const values = items.flatMap(({ plan, callId, cost, numbers }) => [
    plans.indexOf(plan) + 1,
    callId,
    cost,
    ...numbers,
  ]);
  return { script, values: { keys: [...items.map(({ key }) => key), ...seen], items: values } };
}

/**
 * Composes the script that decides by several algorithms: all of them are asked before any of them writes. An item is six values: the
 * number of its plan, the id of the call, the cost, the algorithm's three numbers.
 */
export function composeScript(plans: readonly string[]): AllScript {
  return defineScript({
    keys: ["...keys"],
    args: ["...items"],
    decode: integers,
    lua: `local plans = {${plans.join(", ")}}
local count = math.floor(#items / 6)
-- A client may send a script twice. What was counted is not counted again.
local seen = keys[count + 1]
local counted = seen and redis.call("EXISTS", seen) == 1
local found, pass, reply = {}, true, {}
for i = 1, count do
  local last = i * 6
  local plan, call, cost = plans[tonumber(items[last - 5])], items[last - 4], tonumber(items[last - 3])
  local wait, free, reset, place, write, blocked = plan(keys[i], call, counted and 0 or cost, 0, false, items[last - 2], items[last - 1], items[last])
  if blocked then free = -1 end
  if counted or place then
    wait = 0
    write = nil
  end
  if wait > 0 then pass = false end
  found[i] = {wait, free, reset, cost, write}
end
for i = 1, count do
  local wait, free, reset, cost, write = unpack(found[i], 1, 5)
  if pass and write then
    free = free - cost
    reset = write()
  end
  local last = i * 3
  reply[last - 2], reply[last - 1], reply[last] = wait, free, reset
end
if pass and seen and not counted then redis.call("SET", seen, "", "PX", 60000) end
return reply`,
  });
}
