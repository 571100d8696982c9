import { startCuttingProxy } from "../../test/support/cutting-proxy.ts";
import { freePort } from "../../test/support/redis-server.ts";
import { pause } from "../harness/work.ts";
import type { Address, CacheInstance, CacheLibrary } from "./instance.ts";

/** What five calls give, and when, while Redis refuses connections, and while it swallows what it is sent. */
export async function outages(library: CacheLibrary, server: Address, patience: number): Promise<readonly string[]> {
  const refused = await timeToAnswer(library, { host: "127.0.0.1", port: await freePort() }, patience);
  const proxy = await startCuttingProxy(server);
  proxy.blackHole(true);
  const swallowed = await timeToAnswer(library, proxy, patience);
  await proxy.stop();
  return [refused, swallowed];
}

/** The first and the fifth answer. */
async function timeToAnswer(library: CacheLibrary, at: Address, patience: number): Promise<string> {
  const gaveUp = Symbol("gave up");
  const late = () => pause(patience).then(() => gaveUp);
  const instance = await Promise.race([library.open(at), late()]);
  if (typeof instance === "symbol") return "did not open";
  const times: string[] = [];
  for (let i = 0; i < 5; i += 1) {
    const start = performance.now();
    const outcome = await Promise.race([outcomeOf(instance, `dead${i}`), late()]);
    if (typeof outcome === "symbol") return [...times, `> ${patience} ms`].join(", ");
    if (i === 0 || i === 4) times.push(`${outcome} ${Math.round(performance.now() - start)} ms`);
  }
  void instance.close();
  return times.join(", ");
}

function outcomeOf({ get }: CacheInstance, key: string): Promise<string> {
  return Promise.resolve(get?.(key, () => "origin")).then(
    (value) => (value === "origin" ? "value" : "wrong"),
    () => "error",
  );
}
