import { expect, it } from "vitest";
import { gcra, tokenBucket } from "../../src/core/limiter/gcra.ts";
import { createLimiter } from "../../src/core/limiter/limiter.ts";
import { localLimit } from "../../src/core/limiter/local-limit.ts";
import { slidingWindow } from "../../src/core/limiter/sliding-window.ts";
import { integer } from "../../src/core/reply.ts";
import { onStandaloneBackends } from "../support/backends.ts";

const timeout = 200;
const policies = { allow: "allow", deny: "deny", local: localLimit() } as const;

onStandaloneBackends("a limiter without Redis", (backend) => {
  for (const [name, onError] of Object.entries(policies)) {
    it(`${name}: answers within its deadline while Redis is a black hole, and at once after three failures`, async () => {
      const { redis, proxy } = await backend.connectThroughProxy();
      await redis.send(["PING"]);
      const algorithm = gcra({ limit: 10, window: 60_000 });
      const limiter = createLimiter(redis, { prefix: `${backend.prefix}:${name}`, algorithm, onError, timeout });
      proxy.blackHole(true);
      for (let i = 0; i < 5; i += 1) {
        const start = performance.now();
        expect(await limiter.limit("u")).toMatchObject({ allowed: name !== "deny", degraded: true });
        expect(performance.now() - start).toBeLessThan(i < 3 ? timeout + 50 : 20);
      }
      proxy.blackHole(false);
    });
  }

  it("keeps memory per key small", async () => {
    const redis = await backend.connect();
    const bytesOf = async (key: string) => integer(await redis.send(["MEMORY", "USAGE", key]));
    const prefix = `${backend.prefix}m`;
    for (const algorithm of [gcra({ limit: 10, window: 60_000 }), tokenBucket({ limit: 7, window: 60_000 })]) {
      await createLimiter(redis, { prefix, algorithm, timeout: 5_000 }).limit("u");
      const key = `${prefix}:{u}:gcra1`;
      expect(await bytesOf(key)).toBeLessThanOrEqual(80 + key.length);
    }
    // One unit in each of the sub-buckets that fit into the window.
    const limiter = createLimiter(redis, {
      prefix,
      algorithm: slidingWindow({ limit: 100, window: 1_200 }),
      timeout: 5_000,
    });
    for (let i = 0; i < 60; i += 1) {
      await limiter.limit("u");
      await new Promise((resolve) => setTimeout(resolve, 18));
    }
    expect(await bytesOf(`${prefix}:{u}:sliding1`)).toBeLessThanOrEqual(400);
  });
});
