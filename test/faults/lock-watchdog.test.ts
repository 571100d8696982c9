import { Redis as Client } from "ioredis";
import { expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { createLock, type Lease, watchdog } from "../../src/core/patterns/lock/index.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { startRedis } from "../support/redis-server.ts";

it("one watchdog extends 10 leases by one HTTP request for each turn, and ends with the last lease", async () => {
  const server = await startRedis();
  const client = new Client({ host: server.host, port: server.port });
  const gateway = await serveGateway(ioredis(client), { tokens: ["t"] });
  const requests: number[] = [];
  const counting: typeof fetch = (url, init) => {
    requests.push(JSON.stringify(init?.body).split("EVALSHA").length - 1);
    return fetch(url, init);
  };
  try {
    const redis = rest({ url: gateway.url, token: "t", fetch: counting });
    const locks = createLock(redis, { prefix: "batch", ttl: 60_000, watchdog: watchdog({ every: 2_000 }) });
    const acquire = (name: string) => Promise.all([1, 2, 3, 4, 5].map((i) => locks.acquire(`${name} ${i}`)));
    await (await locks.acquire("warm")).release();
    const early = await acquire("early");
    await early[0]?.extend();
    const late = await acquire("late");
    const leases: Lease[] = [...early, ...late];
    requests.length = 0;
    // Two turns. The first takes all together that were acquired within half a second of each other.
    while (requests.length < 2) await sleep(20);
    expect(leases.filter(({ signal }) => signal.aborted)).toEqual([]);
    expect(new Set(requests)).toEqual(new Set([10]));
    await Promise.all(leases.map((lease) => lease.release()));
    requests.length = 0;
    await sleep(2_200);
    expect(requests).toEqual([]);
  } finally {
    await gateway.close(0);
    client.disconnect();
    await server.stop();
  }
});
