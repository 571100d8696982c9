import type { Redis } from "ioredis";
import { expect } from "vitest";
import { permanentKeys } from "../../src/core/keys.ts";

/** Every key that begins with the prefix, on all servers. */
export async function scanKeys(servers: readonly Redis[], prefix: string): Promise<string[]> {
  const found = new Set<string>();
  for (const server of servers) {
    let cursor = "0";
    do {
      const [next, keys] = await server.scan(cursor, "MATCH", `${prefix}*`, "COUNT", 1_000);
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== "0");
  }
  return [...found];
}

/** Fails if a key of the prefix has no TTL, unless `keys.ts` declares it permanent. */
export async function expectNoImmortalKey(servers: readonly Redis[], prefix: string): Promise<void> {
  const immortal: string[] = [];
  for (const server of servers) {
    for (const key of await scanKeys([server], prefix)) {
      const permanent = permanentKeys.some((pattern) => pattern.test(key));
      if (!permanent && (await server.pttl(key)) === -1) immortal.push(key);
    }
  }
  expect(immortal, "keys without a TTL").toEqual([]);
}

/** Fails if a server took 10 ms or more over a single command of ours. */
export async function expectNoSlowCommand(servers: readonly Redis[]): Promise<void> {
  for (const server of servers) {
    const entries: unknown = await server.slowlog("GET", 10);
    const ours = Array.isArray(entries)
      ? entries.filter((entry) => !/^(info|slowlog|scan|cluster|config)$/i.test(String(entry[3]?.[0])))
      : [];
    expect(ours, "commands in the slow log").toEqual([]);
  }
}
