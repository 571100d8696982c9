import type { Redis as Client } from "ioredis";
import { begin, type Shop, visit } from "./shop.ts";

/** What one visit asks of Redis: calls that a client sends, commands that change data, bytes either way. */
export async function costOf(shop: Shop, admin: Client): Promise<readonly number[]> {
  // Scripts that the server knows.
  await visit(shop, await begin(shop));
  const cookie = await begin(shop);
  await admin.config("RESETSTAT");
  const before = await bytes(admin);
  await visit(shop, cookie);
  const stats = await admin.info("commandstats");
  const after = await bytes(admin);
  const calls = Object.fromEntries(
    [...stats.matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)].map(([, name, n]) => [name, Number(n)]),
  );
  const sum = (names: readonly string[]) => names.reduce((total, name) => total + (calls[name] ?? 0), 0);
  // A script's inner commands are no calls of the client, but its writes are writes.
  const sent = calls["evalsha"] ?? 0;
  const commands = sent > 0 ? sent : sum(["get", "set", "expire"]);
  const writes = sum(["set", "expire", "hset", "hdel", "zadd", "pexpireat"]);
  return [commands, writes, after.input - before.input, after.output - before.output];
}

async function bytes(admin: Client): Promise<{ input: number; output: number }> {
  const stats = await admin.info("stats");
  const of = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(stats)?.[1]);
  // The asking itself is counted too, alike for everybody.
  return { input: of("total_net_input_bytes"), output: of("total_net_output_bytes") };
}
