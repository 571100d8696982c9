import { hexDigest } from "../crypto.ts";
import { OptionError } from "../errors.ts";
import { codeOf } from "../failure.ts";
import type { Arg, Redis, SendOptions } from "../port/redis.ts";
import type { Decode } from "../port/reply.ts";
import { knowsNoHeader } from "../port/script-header.ts";
import { tickEnd } from "../time/tick.ts";

/** The values of a script's names: one `Arg` for each name, and a list for a name that begins with `...`. */
export type ScriptValues<Names extends string> = {
  readonly [N in Names as N extends `...${infer Rest}` ? Rest : N]: N extends `...${string}` ? readonly Arg[] : Arg;
};

/** A script that is called like a function. */
export interface Script<Names extends string, T> {
  /**
   * Runs the script by EVALSHA. If the server does not have the script yet, its text is sent by EVAL.
   * @throws {ReplyError} The script failed, or its reply has another shape than the decoder expects (code `SHAPE`).
   */
  (redis: Redis, values: ScriptValues<Names>, options?: SendOptions): Promise<T>;
  /** The text that Redis runs: the names as Lua locals, then the script. */
  readonly lua: string;
}

/** The parts of a script. */
export interface ScriptDefinition<Key extends string, Argument extends string, T> {
  /** The name of each key that the script touches. It becomes a Lua local. The last name may be a list: `...tags`. */
  readonly keys: readonly Key[];
  /** The name of each other argument. It becomes a Lua local, which is a string. The last name may be a list: `...members`. */
  readonly args: readonly Argument[];
  /** Checks the reply and gives it its type. */
  readonly decode: Decode<T>;
  /** The Lua of the script, in which keys and arguments are locals. */
  readonly lua: string;
}

/**
 * Defines an atomic script with named keys and arguments. Nobody has to count positions, and a misspelt name does not compile.
 * @example
 * const take = defineScript({
 *   keys: ["stock"],
 *   args: ["wanted"],
 *   decode: integer,
 *   lua: `return redis.call("DECRBY", stock, wanted)`,
 * });
 * const left = await take(redis, { stock: "shop:{42}:stock", wanted: 3 });
 */
export function defineScript<const Key extends string, const Argument extends string, T>(
  definition: ScriptDefinition<Key, Argument, T>,
): Script<Key | Argument, T> {
  const { decode } = definition;
  const lua = declareLocals("KEYS", definition.keys) + declareLocals("ARGV", definition.args) + definition.lua;
  const keys = definition.keys.map(valueName);
  const args = definition.args.map(valueName);
  const digestOf = createDigests(lua);
  const run = async (redis: Redis, values: ScriptValues<Key | Argument>, options?: SendOptions): Promise<T> => {
    const header = headerOf(redis);
    const known = digestOf(header);
    const command: [name: string, ...rest: Arg[]] = ["EVALSHA", typeof known === "string" ? known : await known, 0];
    appendValues(command, keys, values);
    command[2] = command.length - 3;
    appendValues(command, args, values);
    const start = performance.now();
    try {
      return decode(await redis.send(command, options));
    } catch (error) {
      if (codeOf(error) !== "NOSCRIPT") throw error;
    }
    const whole = ["EVAL", withHeader(header, lua), ...command.slice(2)] as const;
    try {
      return decode(await redis.send(whole, options && withRemainingTime(options, start)));
    } catch (error) {
      if (!header || !knowsNoHeader(error)) throw error;
    }
    headerless.add(redis);
    return run(redis, values, options);
  };
  return Object.assign(run, { lua });
}

function declareLocals(list: "KEYS" | "ARGV", names: readonly string[]): string {
  return names
    .map((name, i) => {
      const value = name.startsWith("...") ? `{unpack(${list},${i + 1})}` : `${list}[${i + 1}]`;
      return `local ${valueName(name)}=${value}\n`;
    })
    .join("");
}

/** The name under which the values of a key or an argument are given. */
function valueName(name: string): string {
  return name.replace("...", "");
}

function appendValues(
  list: Arg[],
  names: readonly string[],
  values: Readonly<Record<string, Arg | readonly Arg[]>>,
): void {
  for (const name of names) {
    const value = values[name];
    if (value === undefined) throw new OptionError(`The script needs a value for \`${name}\``);
    if (typeof value === "object") list.push(...value);
    else list.push(value);
  }
}

/** Ports whose server refused the header of a script, because it does not know the header. */
const headerless = new WeakSet<Redis>();

function headerOf(redis: Redis): string {
  return redis.scriptHeader && !headerless.has(redis) ? redis.scriptHeader : "";
}

function withHeader(header: string, lua: string): string {
  return header ? `${header}\n${lua}` : lua;
}

/** The options of the second trip of a call, which share the deadline with the first one. */
function withRemainingTime({ timeout, ...options }: SendOptions, start: number): SendOptions {
  if (timeout === undefined) return options;
  return { ...options, timeout: Math.max(1, Math.ceil(timeout - (performance.now() - start))) };
}

/**
 * Computes the digest of a script once for each header. A digest takes about 90 microseconds. Callers share a digest that is being computed
 * within one tick only: in a Worker, a request must not wait for work that another request started.
 */
function createDigests(lua: string): (header: string) => string | Promise<string> {
  const digests = new Map<string, string>();
  const pending = new Map<string, Promise<string>>();
  const compute = async (header: string) => {
    const digest = await hexDigest("SHA-1", withHeader(header, lua));
    digests.set(header, digest);
    return digest;
  };
  return (header) => {
    const known = digests.get(header) ?? pending.get(header);
    if (known) return known;
    const digest = compute(header);
    pending.set(header, digest);
    void tickEnd().then(() => pending.delete(header));
    return digest;
  };
}
