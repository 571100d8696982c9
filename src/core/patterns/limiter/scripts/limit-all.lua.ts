import type { Arg } from "../../../port/redis.ts";
import { integers } from "../../../port/reply.ts";
import { defineScript, type Script } from "../../../script/define-script.ts";

/** One limit, as the script sees it. */
export interface ScriptItem {
  readonly key: string;
  readonly cost: number;
  readonly requestId: string;
  /** The algorithm: the body of a Lua function. */
  readonly plan: string;
  /** The algorithm's three numbers. */
  readonly numbers: readonly number[];
}

/** The script that decides by several algorithms: it asks all of them before it writes anything. */
type AllScript = Script<"...keys" | "...items", number[]>;

const scripts = new Map<string, AllScript>();

/**
 * Chooses the script for these limits and its values. The same few combinations come again and again, so each text is made and
 * hashed once.
 */
export function scriptOfAll(
  items: readonly ScriptItem[],
  seen: readonly string[],
): { readonly script: AllScript; readonly values: { readonly keys: readonly Arg[]; readonly items: readonly Arg[] } } {
  const plans = [...new Set(items.map(({ plan }) => plan))];
  const name = plans.join("\0");
  const script = scripts.get(name) ?? composeScript(plans);
  scripts.set(name, script);
  const flat = items.flatMap(({ plan, requestId, cost, numbers }) => [
    plans.indexOf(plan) + 1,
    requestId,
    cost,
    ...numbers,
  ]);
  return { script, values: { keys: [...items.map(({ key }) => key), ...seen], items: flat } };
}

/** The script of these algorithms, each given as the body of its function. */
export function composeScript(plans: readonly string[]): AllScript {
  return defineScript({
    keys: ["...keys"],
    args: ["...items"],
    decode: integers,
    lua: `local plans={${plans.map((plan) => `function(key,id,cost,hold,a,b,c)\n${plan}\nend`).join(",")}}
local n=math.floor(#items/6)
local seen=keys[n+1]
local done=seen and redis.call("EXISTS",seen)==1
local found,pass,reply={},true,{}
for i=1,n do
local o=i*6
local cost=tonumber(items[o-3])
local wait,free,reset,again,write=plans[tonumber(items[o-5])](keys[i],items[o-4],done and 0 or cost,0,tonumber(items[o-2]),tonumber(items[o-1]),tonumber(items[o]))
if done or again then wait=0 write=nil end
if wait>0 then pass=false end
found[i]={wait,free,reset,cost,write}
end
for i=1,n do
local wait,free,reset,cost,write=unpack(found[i],1,5)
if pass and write then
free=free-cost
reset=write()
end
for _,value in ipairs({wait,free,reset}) do reply[#reply+1]=value end
end
if pass and seen and not done then redis.call("SET",seen,"","PX",60000) end
return reply`,
  });
}
