import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { createCache, type Wake } from "../../src/core/patterns/cache/index.ts";
import { createLock } from "../../src/core/patterns/lock/index.ts";
import { owners } from "../fixtures/key-owners.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

/** The line of docs/gateway.md without the channels. */
const rights = ["~*:app*", "resetchannels", "+@all", "-@dangerous", "-@admin", "+info"];

describe("a Redis user without channels", () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    const admin = new Redis({ host: server.host, port: server.port });
    await admin.call("ACL", "SETUSER", "app", "on", ">s3cret", ...rights);
    admin.disconnect();
    client = new Redis({ host: server.host, port: server.port, username: "app", password: "s3cret" });
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  it.each(owners)("is served by every pattern: %s", async (name, _, use) => {
    await expect(use(ioredis(client), `app:${name.replaceAll(" ", "-")}`, "7")).resolves.not.toThrow();
  });

  it("ends a lease and a load although nobody may be told [redis #12418]", async () => {
    await expect(client.publish("lock:app:{7}:wanted", "")).rejects.toThrow(/NOPERM/);
    const wake: Wake = {
      listen: () => ({ wait: (pause) => new Promise((end) => setTimeout(end, pause)), leave() {} }),
    };
    const locks = createLock(ioredis(client), { prefix: "app", ttl: 5_000, wait: 5_000, wake });
    const lease = await locks.acquire("7");
    const waiting = locks.acquire("7");
    await expect.poll(() => client.exists("lock:app:{7}:wanted"), { timeout: 10_000 }).toBe(1);
    expect(await lease.release()).toBe(true);
    expect(await (await waiting).release()).toBe(true);
    const cache = createCache<string>(ioredis(client), { prefix: "app", ttl: 5_000, wake });
    expect(await cache.getOrSet("7", () => "loaded")).toBe("loaded");
    expect(await cache.get("7")).toBe("loaded");
  });
});
