import { Redis as Client } from "ioredis";
import { expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { createLock, type Lease, watchdog } from "../../src/core/lock/index.ts";
import { sleep } from "../../src/core/sleep.ts";
import { startRedis } from "../support/redis-server.ts";

it("one watchdog extends 10 leases by one HTTP request for each turn, and ends with the last lease", async () => {
  const server = await startRedis();
  const client = new Client({ host: server.host, port: server.port });
  const gateway = await serveGateway(ioredis(client), { tokens: ["t"] });
  let requests = 0;
  const counting: typeof fetch = (...args) => {
    requests += 1;
    return fetch(...args);
  };
  try {
    const redis = rest({ url: gateway.url, token: "t", fetch: counting });
    const locks = createLock(redis, { ttl: 900, watchdog: watchdog() });
    const leases: Lease[] = [];
    for (let i = 0; i < 10; i += 1) leases.push(await locks.acquire(`lease ${i}`));
    await sleep(450);
    requests = 0;
    await sleep(1_200);
    expect(leases.filter(({ signal }) => signal.aborted)).toEqual([]);
    expect(requests).toBeGreaterThanOrEqual(3);
    expect(requests).toBeLessThanOrEqual(5);
    await Promise.all(leases.map((lease) => lease.release()));
    requests = 0;
    await sleep(500);
    expect(requests).toBe(0);
  } finally {
    await gateway.close(0);
    client.disconnect();
    await server.stop();
  }
});
