import { hexDigest } from "../../src/core/crypto.ts";
import { ReplyError } from "../../src/core/errors.ts";
import type { Arg, Command, Redis, Reply } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";

/** What one run of a script did on the server. */
export interface ScriptWork {
  /** The script's text, as it was sent. */
  readonly lua: string;
  /** How many commands it called. */
  readonly commands: number;
  /** How many rounds its loops went. */
  readonly rounds: number;
}

/**
 * Makes the script count its commands and the rounds of its loops, and answer with both before its own reply. A slow log would measure the
 * machine, and a size in bytes, with them.
 */
function countingWork(lua: string): string {
  const [, header = "", body = ""] = /^(#![^\n]*\n)?([^]*)$/.exec(lua) ?? [];
  const counting = body
    .replaceAll(/\b((?:for|while)\b[^\n]*?\bdo\b|\brepeat\b)/g, "$1 work_.rounds = work_.rounds + 1 ")
    .replaceAll(/\bredis\.(p?call)\(/g, "work_.$1(");
  return `${header}local work_ = { commands = 0, rounds = 0 }
function work_.call(...) work_.commands = work_.commands + 1 return redis.call(...) end
function work_.pcall(...) work_.commands = work_.commands + 1 return redis.pcall(...) end
local function main_()
${counting}
end
local reply_ = main_()
if reply_ == nil then reply_ = false end
return { work_.commands, work_.rounds, reply_ }`;
}

/** Gives a port that runs every script counting its work, and the list of what each run did. It is for scripts sent one by one. */
export function measureScripts(redis: Redis): { readonly redis: Redis; readonly runs: ScriptWork[] } {
  const runs: ScriptWork[] = [];
  const texts = new Map<string, string>();
  const run = async (lua: string, rest: readonly Arg[], options: Parameters<Redis["send"]>[1]): Promise<Reply> => {
    const reply = await redis.send(["EVAL", countingWork(lua), ...rest], options);
    const [commands = null, rounds = null, answer = null] = Array.isArray(reply) ? reply : [];
    runs.push({ lua, commands: integer(commands), rounds: integer(rounds) });
    return answer;
  };
  const send = async ([name, script = "", ...rest]: Command, options: Parameters<Redis["send"]>[1]): Promise<Reply> => {
    if (name === "EVAL") {
      texts.set(await hexDigest("SHA-1", String(script)), String(script));
      return run(String(script), rest, options);
    }
    if (name !== "EVALSHA") return redis.send([name, script, ...rest], options);
    const known = texts.get(String(script));
    if (known === undefined) throw new ReplyError("NOSCRIPT No matching script.");
    return run(known, rest, options);
  };
  return { redis: { ...redis, send }, runs };
}
