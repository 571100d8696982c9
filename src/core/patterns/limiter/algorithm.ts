import { OptionError } from "../../errors.ts";
import { integers } from "../../port/reply.ts";
import type { Script } from "../../script/define-script.ts";
import { defineScript } from "../../script/define-script.ts";

/** What a limit promises, for answers and headers. */
export interface LimitPolicy {
  /** The name in headers. */
  readonly name: string;
  /** How many units pass in one window. */
  readonly limit: number;
  /** The window, in milliseconds. */
  readonly window: number;
  /**
   * What is counted, in the words of the RateLimit header fields.
   * @default "requests"
   */
  readonly unit?: "requests" | "content-bytes" | "concurrent-requests";
}

/** A way to limit, as a value: only the algorithm that is named gets bundled. */
export interface LimitAlgorithm {
  /** The last part of the key: the family, and the version of what it stores. */
  readonly kind: string;
  /** The most units that can pass at once. */
  readonly limit: number;
  /** What it promises. */
  readonly policy: LimitPolicy;
  /** The decision. */
  readonly script: Decision;
  /** The three numbers of the decision. */
  readonly numbers: readonly [number, number, number];
  /**
   * Makes the id that a call carries without being asked, so that a client's own re-sending counts once; the empty text where
   * remembering one would take a command more. Its first character separates it from the ids before it.
   */
  requestId(): string;
  /** Whether units are held until they are given back, so that they cannot be booked ahead. */
  readonly held?: boolean;
}

type Names = "key" | "...seen" | "id" | "a" | "b" | "c" | "...demand";

/** The script of an algorithm. It answers `[wait, free, reset]`: milliseconds, units, milliseconds. */
export interface Decision extends Script<Names, number[]> {
  /** The algorithm alone: the body of a Lua function. */
  readonly plan: string;
}

/**
 * Makes a script of an algorithm, given as the body of `function(key,id,cost,hold,a,b,c)`. It returns how long until the cost fits;
 * what is free now, below 0 where the id is blocked or booked ahead; how long until everything is free; whether the request id was
 * counted before, 1 if it was the last; and a function that writes the decision and says how long until everything is free then.
 *
 * Reading, deciding and writing are one script, so that no two callers take the same unit. `most` is the longest acceptable wait: 0
 * decides, -1 only looks, more books ahead. A cost below 0 gives units back; `hold` blocks for so long, and -1 cancels the newest.
 * `demand` is these three, or nothing for a decision about one unit: what most calls ask is the least to send and to read.
 */
export function decision(plan: string): Decision {
  const script = defineScript({
    keys: ["key", "...seen"],
    args: ["id", "a", "b", "c", "...demand"],
    decode: integers,
    lua: `local function plan(key,id,cost,hold,a,b,c)
${plan}
end
local cost,most,hold=1,0,0
if demand[1] then cost,most,hold=tonumber(demand[1]),tonumber(demand[2]),tonumber(demand[3]) end
local done=seen[1] and redis.call("EXISTS",seen[1])==1
local wait,free,reset,again,write=plan(key,id,done and 0 or cost,hold,tonumber(a),tonumber(b),tonumber(c))
if hold<0 then done=again~=1 else done=done or again end
if done then
if most<=0 then wait=0 end
elseif cost<0 or wait<=most then
free=free-cost
reset=write()
if seen[1] then redis.call("SET",seen[1],"","PX",60000) end
end
return {wait,free,reset}`,
  });
  return Object.assign(script, { plan });
}

/** Lets what looks like an algorithm through. */
export function isAlgorithm(algorithm: LimitAlgorithm): LimitAlgorithm {
  if (typeof algorithm?.script === "function") return algorithm;
  throw new OptionError("`algorithm` must be a limit such as slidingWindow({ limit: 100, window: seconds(60) })");
}

/** A separator and six characters: enough to tell the last few calls of one id apart. */
export function briefId(): string {
  return `;${Math.random().toString(36).slice(2, 8)}`;
}
