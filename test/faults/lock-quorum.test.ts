import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { ConnectionError } from "../../src/core/errors.ts";
import { createQuorumLock } from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { createHistory, violations } from "../support/history.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

describe("the quorum lock, over TCP and HTTP nodes", () => {
  const servers: RedisServer[] = [];
  const clients: Client[] = [];
  let nodes: Redis[];
  let gateway: Awaited<ReturnType<typeof serveGateway>>;

  beforeAll(async () => {
    servers.push(...(await Promise.all([startRedis(), startRedis(), startRedis()])));
    clients.push(...servers.map(({ host, port }) => new Client({ host, port, retryStrategy: () => 50 })));
    for (const client of clients) client.on("error", () => {});
    const [one, two, three] = clients.map((client) => ioredis(client));
    if (!one || !two || !three) throw new Error("three nodes");
    gateway = await serveGateway(three, { tokens: ["the-token-of-the-third"] });
    nodes = [one, two, rest({ url: gateway.url, token: "the-token-of-the-third" })];
  });
  afterAll(async () => {
    await gateway.close(0);
    for (const client of clients) client.disconnect();
    await Promise.all(servers.map((server) => server.stop()));
  });

  it("excludes contenders over a majority, with fences that rise", async () => {
    const history = createHistory();
    await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const locks = createQuorumLock(nodes, { ttl: 60_000, wait: 25_000, prefix: "q" });
        await locks.run("a", async ({ fence }) => {
          const stay = history.enter(`contender ${i}`, fence);
          await sleep(3);
          stay.leave();
        });
      }),
    );
    expect(history.stays).toHaveLength(10);
    expect(violations(history.stays)).toEqual([]);
  });

  it("holds, extends and releases while one of three nodes is down, and on all nodes", async () => {
    const locks = createQuorumLock(nodes, { ttl: 60_000, nodeTimeout: 1_000, prefix: "down" });
    await locks.run("a", () => {});
    servers[2]?.pause();
    try {
      const lease = await locks.acquire("a");
      await lease.extend();
      expect(await locks.tryAcquire("a")).toBeNull();
      expect(await lease.release()).toBe(true);
      expect((await locks.inspect("a")).held).toBe(false);
    } finally {
      servers[2]?.resume();
    }
  });

  it("is unreachable, not busy, when a majority is down", async () => {
    const locks = createQuorumLock(nodes, { ttl: 2_000, prefix: "minority" });
    servers[1]?.pause();
    servers[2]?.pause();
    try {
      await expect(locks.tryAcquire("a")).rejects.toThrow(ConnectionError);
    } finally {
      servers[1]?.resume();
      servers[2]?.resume();
    }
  });

  it("gives every node back when it got a minority only", async () => {
    const [one, two, three] = nodes;
    if (!one || !two || !three) throw new Error("three nodes");
    const others = createQuorumLock([one, two], { ttl: 60_000, prefix: "few" });
    await using _ = await others.acquire("a");
    const locks = createQuorumLock(nodes, { ttl: 60_000, prefix: "few" });
    expect(await locks.tryAcquire("a")).toBeNull();
    expect(await three.send(["EXISTS", "lock:few:{a}"])).toBe(0);
    expect(() => createQuorumLock([], { prefix: "few", ttl: 1_000 })).toThrow(/`nodes`/);
    expect(() => createQuorumLock([one, two, one], { prefix: "few", ttl: 1_000 })).toThrow(/`nodes`/);
  });
});
