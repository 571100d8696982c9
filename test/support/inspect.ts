import { expect } from "vitest";
import { permanentKeys } from "../../src/core/keys.ts";
import type { Redis, Reply } from "../../src/core/port/redis.ts";
import { integer, text, texts } from "../../src/core/port/reply.ts";

/** Every key that names the prefix, on all servers, in order (SCAN has none of its own). The prefix stands behind the name of a pattern, or at the beginning. */
export async function scanKeys(servers: readonly Redis[], prefix: string): Promise<string[]> {
  const found = new Set<string>();
  for (const server of servers) {
    let cursor = "0";
    do {
      const reply = await server.send(["SCAN", cursor, "MATCH", `*${prefix}*`, "COUNT", 1_000]);
      const [next = null, keys = null] = Array.isArray(reply) ? reply : [];
      for (const key of texts(keys)) found.add(key);
      cursor = text(next);
    } while (cursor !== "0");
  }
  return [...found].toSorted();
}

/** Fails if a key of the prefix has no TTL, unless the prefix goes on with `:permanent`, as that of what was declared so, or `keys.ts` declares it. */
export async function expectNoImmortalKey(servers: readonly Redis[], prefix: string): Promise<void> {
  const immortal: string[] = [];
  for (const server of servers) {
    for (const key of await scanKeys([server], prefix)) {
      const permanent = key.includes(`:${prefix}:permanent`) || permanentKeys.some((pattern) => pattern.test(key));
      if (!permanent && integer(await server.send(["PTTL", key])) === -1) immortal.push(key);
    }
  }
  expect(immortal, "keys without a TTL").toEqual([]);
}

/**
 * Fails if a server took 10 ms or more over a command of ours. The log tells of wall time: a command that a virtual machine had no
 * turn for is in it once and for less than 50 ms, a slow one again and again, since the rows of a file share their server.
 * @param late For how long this process had no turn itself, in milliseconds: a server may have waited for as long.
 */
export async function expectNoSlowCommand(servers: readonly Redis[], late = 0): Promise<void> {
  for (const server of servers) {
    const log = await server.send(["SLOWLOG", "GET", 100]);
    const entries = (Array.isArray(log) ? log : []).map(slowEntry).filter(({ name }) => !overhead.test(name));
    const slow = entries.filter(
      (one) => one.milliseconds > 50 || entries.some((two) => one !== two && one.name === two.name),
    );
    const total = slow.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    if (total > late) expect(slow, "commands in the slow log").toEqual([]);
  }
}

function slowEntry(entry: Reply) {
  const [, , microseconds = 0, words = []] = Array.isArray(entry) ? entry : [];
  const [command = "", script = "", ...args] = texts(words);
  const name = /^(eval|fcall)/i.test(command) ? `${command} ${script}` : command;
  return { name, milliseconds: integer(microseconds) / 1_000, args };
}

/** Commands that belong to the connection or to the measuring itself. */
const overhead =
  /^(info|config|hello|auth|client|cluster|replconf|ping|select|readonly|command|latency|slowlog|scan|quit|script)\b/i;

/**
 * What the servers executed while `work` ran, by lower-case command name. What they executed before stays counted, too: see
 * `commandsOf`.
 */
export async function countCommands(
  servers: readonly Redis[],
  work: () => Promise<unknown>,
): Promise<Record<string, number>> {
  const before = await countsOf(servers);
  await work();
  const after = await countsOf(servers);
  const counts = Object.entries(after).map(([name, calls]) => [name, calls - (before[name] ?? 0)] as const);
  return Object.fromEntries(counts.filter(([name, calls]) => calls > 0 && !overhead.test(name)));
}

/** Every command that a server has executed, in lower case, without subcommands. */
export async function commandsOf(server: Redis): Promise<Set<string>> {
  return new Set(Object.keys(await countsOf([server])).map((name) => name.replace(/\|.*/, "")));
}

async function countsOf(servers: readonly Redis[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const stats of await Promise.all(servers.map((server) => server.send(["INFO", "commandstats"])))) {
    for (const [, name = "", calls] of text(stats).matchAll(/^cmdstat_([^:]+):calls=([1-9]\d*)/gm)) {
      counts[name] = (counts[name] ?? 0) + Number(calls);
    }
  }
  return counts;
}
