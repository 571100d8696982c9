import type { Redis as Client } from "ioredis";
import type { Asked } from "../harness/contender.ts";

/** What one decision about an id that is known asks of Redis, and what Redis keeps for the id. */
export interface Cost {
  /** What the server executes, the commands inside the script and the script included. */
  readonly commands: number;
  /** Memory of everything that is kept for one id, names included. */
  readonly bytes: number;
}

export async function costOf({ call }: Asked, ids: readonly string[], admin: Client): Promise<Cost> {
  await admin.flushdb();
  for (const id of ids) await call(id);
  let bytes = 0;
  for (const key of await admin.keys("*")) bytes += (await admin.memory("USAGE", key, "SAMPLES", 0)) ?? 0;
  await admin.config("RESETSTAT");
  for (const id of ids) await call(id);
  const calls = [...(await admin.info("commandstats")).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
  const own = calls.filter(([, name = ""]) => !/^(info|config|ping)/.test(name));
  const commands = own.reduce((sum, [, , n]) => sum + Number(n), 0);
  return { commands: commands / ids.length, bytes: bytes / ids.length };
}
