import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { ioredisSubscriber } from "../../src/adapters/ioredis/index.ts";
import { createCache, withLocal } from "../../src/core/patterns/cache/index.ts";
import { until } from "../fixtures/cache-tools.ts";
import { onStandaloneBackends } from "../support/backends.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";

onStandaloneBackends("the local tiers of two processes", (backend) => {
  it("forget what the other changes, and everything when messages may have been missed", async () => {
    const proxy = await startCuttingProxy(backend.server);
    const clients = [proxy, backend.server].map(({ host, port }) => new Redis({ host, port }));
    for (const client of clients) client.on("error", () => {});
    const prefix = `${backend.prefix}:local`;
    const tiers = await Promise.all(
      clients.map(async (client) =>
        withLocal(createCache<number>(await backend.connect(), { prefix, ttl: 60_000, timeout: 10_000 }), {
          maxStaleness: 60_000,
          subscriber: ioredisSubscriber(client),
        }),
      ),
    );
    const [one, two] = tiers;
    if (!one || !two) throw new Error("There are two");
    const read = () => one.getOrSet("k", () => 0);
    const isLocal = async () => {
      const counts = await backend.count(read);
      return Object.keys(counts).length === 0;
    };
    await two.set("k", 1);
    await until(isLocal);
    expect(await read()).toBe(1);
    await two.set("k", 2);
    await until(async () => (await read()) === 2);
    await until(isLocal);
    // The connection of the subscriber ends; what is said meanwhile is not heard.
    const [subscriber] = clients;
    subscriber?.disconnect(true);
    await two.set("k", 3);
    await until(async () => (await read()) === 3);
    await Promise.all(tiers.map((tier) => tier.close()));
    expect(await read()).toBe(3);
    for (const client of clients) client.disconnect();
    await proxy.stop();
  });
});
