import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCache } from "../../src/core/patterns/cache/index.ts";
import { ConnectionError } from "../../src/core/errors.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import { createLock } from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { createSessions } from "../../src/core/patterns/session/index.ts";
import { persist } from "../../src/core/wait/persist.ts";
import { onStandaloneBackends } from "../support/backends.ts";
import { long } from "../support/long.ts";
import { stopwatch } from "../support/stopwatch.ts";

/** The adapters' default deadline of 2 s, and what a busy machine adds, which is less than a second wait for it. */
const bound = 3_800;

async function timed(work: Promise<unknown>): Promise<{ readonly outcome: unknown; readonly ms: number }> {
  const elapsed = stopwatch();
  const outcome = await work.catch((error: unknown) => error);
  return { outcome, ms: elapsed() };
}

onStandaloneBackends("with Redis down", (backend) => {
  const outages = [
    ["killed", () => backend.server.kill(), () => backend.server.restart()],
    ["paused", async () => backend.server.pause(), async () => backend.server.resume()],
  ] as const;

  // Each call waits for its deadline of two seconds. In `npm test` each client meets one of the two, in turn.
  const shared = backend.share(long ? outages : [...outages, ...outages]);
  describe.each(shared)("%s", (_, breakIt, mendIt) => {
    let redis: Redis;
    beforeAll(async () => {
      redis = await backend.connect();
      await redis.send(["PING"]);
      await breakIt();
    });
    afterAll(async () => {
      await mendIt();
      // Those who look at the server have waited longer and longer between their attempts.
      await Promise.all(backend.servers.map((server) => persist(() => server.send(["PING"]), 20_000)));
    }, 30_000);

    it.concurrent("a cache loads from the origin", async () => {
      const cache = createCache<string>(redis, { prefix: `${backend.prefix}c`, ttl: 60_000 });
      const { outcome, ms } = await timed(cache.getOrSet("id", () => "origin"));
      expect(outcome).toBe("origin");
      expect(ms).toBeLessThan(bound);
    });

    it.concurrent("a limiter answers by its policy", async () => {
      const options = { prefix: `${backend.prefix}r`, algorithm: fixedWindow({ limit: 1, window: 60_000 }) };
      const open = await timed(createLimiter(redis, { ...options, onError: "allow" }).limit("id"));
      expect(open.outcome).toMatchObject({ allowed: true, degraded: true });
      const closed = await timed(createLimiter(redis, { ...options, onError: "deny" }).limit("id"));
      expect(closed.outcome).toMatchObject({ allowed: false, degraded: true });
      expect(Math.max(open.ms, closed.ms)).toBeLessThan(bound);
    });

    it.concurrent("a lock says that Redis was not reached, and runs nothing", async () => {
      let ran = false;
      const locks = createLock(redis, { prefix: `${backend.prefix}l`, ttl: 10_000 });
      const run = locks.run("name", () => {
        ran = true;
      });
      const { outcome, ms } = await timed(run);
      expect(outcome).toBeInstanceOf(ConnectionError);
      expect(ran).toBe(false);
      expect(ms).toBeLessThan(bound);
    });

    it.concurrent("a session cannot be read, which is not the same as there being none", async () => {
      const sessions = createSessions(redis, { prefix: `${backend.prefix}s`, idle: 60_000, absolute: 60_000 });
      const { outcome, ms } = await timed(sessions.create({ user: "ada", data: {} }));
      expect(outcome).toBeInstanceOf(ConnectionError);
      expect(ms).toBeLessThan(bound);
    });
  });
});
