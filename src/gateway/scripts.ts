import type { Reply } from "../core/port/redis.ts";
import { setBounded } from "../core/bounded-map.ts";
import { hexDigest } from "../core/crypto.ts";
import { toText } from "./bytes.ts";

/** A command that Redis understands, and the conversion of its reply. */
export interface Translation {
  readonly words: readonly string[];
  readonly convertReply?: (reply: Reply) => Reply;
}

/** Translates commands with scripts, whose header only Upstash knows, into commands that Redis runs. */
export type ScriptTranslator = (words: readonly string[]) => Translation | Promise<Translation>;

/** The number of digests that are remembered. For a forgotten one the client gets NOSCRIPT, and sends the text again. */
const maxAliases = 1_000;

/**
 * Clients compute the digest of a script with its header, Redis computes it without. Both digests are remembered in memory. After a restart
 * the first EVALSHA of each script gets NOSCRIPT, as after SCRIPT FLUSH.
 */
export function createScriptTranslator(): ScriptTranslator {
  const aliases = new Map<string, string>();
  const aliasOf = (digest: string) => aliases.get(digest) ?? aliases.get(digest.toLowerCase()) ?? digest;

  async function translateScript(script: string): Promise<string> {
    const redisScript = removeKeyLocking(script);
    if (redisScript === script) return script;
    const [clientDigest, redisDigest] = await Promise.all([
      hexDigest("SHA-1", toText(script)),
      hexDigest("SHA-1", toText(redisScript)),
    ]);
    setBounded(aliases, clientDigest, redisDigest, maxAliases);
    return redisScript;
  }

  return (words) => {
    const [name = "", second = ""] = words;
    if (/^EVALSHA(_RO)?$/i.test(name)) return { words: [name, aliasOf(second), ...words.slice(2)] };
    return /^(EVAL|SCRIPT)/i.test(name) ? translateText(words) : { words };
  };

  async function translateText(words: readonly string[]): Promise<Translation> {
    const [name = "", second = "", third = ""] = words;
    if (/^EVAL(_RO)?$/i.test(name)) return { words: [name, await translateScript(second), ...words.slice(2)] };
    if (/^EXISTS$/i.test(second)) return { words: [name, second, ...words.slice(2).map(aliasOf)] };
    if (!/^LOAD$/i.test(second) || words.length !== 3) return { words };
    const script = await translateScript(third);
    if (script === third) return { words };
    const digest = await hexDigest("SHA-1", toText(third));
    return { words: [name, second, script], convertReply: () => digest };
  }
}

/** Removes the flag `allow-key-locking`, and the header if nothing else is in it. The line stays, so that lines keep their numbers. */
function removeKeyLocking(script: string): string {
  const header = /^#![^\n]*/.exec(script)?.[0] ?? "";
  const flags = /(?<= )flags=(\S*)/.exec(header)?.[1]?.split(",") ?? [];
  if (!flags.includes("allow-key-locking")) return script;
  const kept = flags.filter((flag) => flag !== "allow-key-locking");
  const rest = header.replace(/ flags=\S*/, kept.length > 0 ? ` flags=${kept.join(",")}` : "");
  return (rest.trim() === "#!lua" ? "" : rest) + script.slice(header.length);
}
