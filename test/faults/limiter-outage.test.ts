import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { concurrency } from "../../src/core/patterns/limiter/algorithms/concurrency.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra, tokenBucket } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { createLimiter, type Limiter } from "../../src/core/patterns/limiter/limiter.ts";
import { localLimit } from "../../src/core/patterns/limiter/local/local-limit.ts";
import type { LimiterOutage } from "../../src/core/patterns/limiter/outage-policy.ts";
import { slidingLog } from "../../src/core/patterns/limiter/algorithms/sliding-log.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import { createVerdict, type Verdict } from "../../src/core/patterns/limiter/verdict.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { onStandaloneBackends } from "../support/backends.ts";
import { stopwatch } from "../support/stopwatch.ts";

const timeout = 200;
/** Longer than the deadline on a busy machine, and shorter than the two seconds of the adapter. */
const bound = 1_500;
const limits = { limit: 10, window: 60_000 };
const policies = {
  allow: () => "allow" as const,
  deny: () => "deny" as const,
  local: localLimit,
  own:
    () =>
    ({ algorithm }: LimiterOutage) =>
      createVerdict(algorithm, { degraded: true, remaining: 7 }),
} as const;
const expected: Record<keyof typeof policies, Partial<Verdict>> = {
  allow: { allowed: true, remaining: 9, degraded: true },
  deny: { allowed: false, reason: "outage", degraded: true },
  local: { allowed: true, limit: 10, degraded: true },
  own: { allowed: true, remaining: 7, degraded: true },
};
const names = ["allow", "deny", "local", "own"] as const;

interface Measured {
  readonly limiter: Limiter;
  sent(): number;
}

onStandaloneBackends("a limiter without Redis", (backend) => {
  /** A limiter, and how many commands it has sent. A probe in between is left to another test. */
  const limiterOf = (redis: Redis, name: keyof typeof policies) => {
    let sent = 0;
    const send: Redis["send"] = (...call) => {
      sent += 1;
      return redis.send(...call);
    };
    const limiter = createLimiter(
      { ...redis, send },
      {
        prefix: `${backend.prefix}${name}`,
        algorithm: gcra(limits),
        onError: policies[name](),
        timeout,
        breaker: { cooldown: 60_000 },
      },
    );
    return { limiter, sent: () => sent };
  };

  /** Five calls, one after the other: each within its deadline, and without a trip once three have failed. */
  async function expectPolicy(name: keyof typeof policies, { limiter, sent }: Measured): Promise<void> {
    for (let i = 0; i < 5; i += 1) {
      const [before, elapsed] = [sent(), stopwatch()];
      expect(await limiter.limit("u")).toMatchObject(expected[name]);
      expect(elapsed()).toBeLessThan(bound);
      if (i >= 3) expect(sent()).toBe(before);
    }
  }

  for (const name of names) {
    it.concurrent(`rate-limiter-flexible 5: ${name} answers within its deadline while Redis is a black hole, and at once after three failures`, async () => {
      const { redis, proxy } = await backend.connectThroughProxy();
      await redis.send(["PING"]);
      proxy.blackHole(true);
      await expectPolicy(name, limiterOf(redis, name));
    });

    it.concurrent(`${name}: answers within its deadline where nothing listens`, async () => {
      const { redis, proxy } = await backend.connectThroughProxy();
      await redis.send(["PING"]);
      await proxy.stop();
      await expectPolicy(name, limiterOf(redis, name));
    });
  }

  describe("on a server that is paused", () => {
    let redis: Redis;
    beforeAll(async () => {
      redis = await backend.connect();
      await redis.send(["PING"]);
      backend.server.pause();
    });
    afterAll(() => backend.server.resume());

    it.concurrent.each(names)("%s: answers within its deadline", (name) => expectPolicy(name, limiterOf(redis, name)));
  });

  describe("on a server that dies", () => {
    afterAll(() => backend.server.restart());

    it("answers what was under way and what comes then, by each policy", async () => {
      const redis = await backend.connect();
      const limiters = names.map((name) => [name, limiterOf(redis, name)] as const);
      for (const [, { limiter }] of limiters)
        await expect.poll(() => limiter.limit("before"), { timeout: 10_000 }).toMatchObject({ degraded: false });
      // Held still, so that the calls are half-way when it is killed.
      backend.server.pause();
      const underWay = limiters.map(async ([name, { limiter }]) => {
        const elapsed = stopwatch();
        expect(await limiter.limit("u")).toMatchObject(expected[name]);
        return elapsed();
      });
      await backend.server.kill();
      expect(Math.max(...(await Promise.all(underWay)))).toBeLessThan(bound);
      await Promise.all(limiters.map(([name, measured]) => expectPolicy(name, measured)));
    });
  });

  it("decides again after a restart, which forgot the scripts", async () => {
    const redis = await backend.connect();
    const makers = [gcra, fixedWindow, slidingWindow, slidingLog];
    const limiters = [...makers.map((make) => make(limits)), concurrency({ limit: 10, lease: 60_000 })].map(
      (algorithm) =>
        createLimiter(redis, { prefix: `${backend.prefix}r`, algorithm, timeout: 5_000, breaker: { cooldown: 1 } }),
    );
    for (const limiter of limiters) await limiter.limit("u");
    await backend.server.restart();
    for (const limiter of limiters) {
      await expect.poll(async () => (await limiter.limit("u")).degraded, { timeout: 10_000 }).toBe(false);
      expect(await limiter.limit("v", { cost: 10 })).toMatchObject({ allowed: true, remaining: 0, degraded: false });
      expect(await limiter.limit("v")).toMatchObject({ allowed: false, degraded: false });
    }
  });
});

onStandaloneBackends("what a limiter keeps", (backend) => {
  it("is small for each id", async () => {
    const redis = await backend.connect();
    const bytesOf = async (key: string) => integer(await redis.send(["MEMORY", "USAGE", key]));
    const prefix = `${backend.prefix}m`;
    const make = (algorithm: ReturnType<typeof gcra>) => createLimiter(redis, { prefix, algorithm, timeout: 5_000 });
    for (const algorithm of [gcra(limits), tokenBucket({ limit: 7, window: 60_000 })]) {
      await make(algorithm).limit("u");
      const key = `limiter:${prefix}:{u}:${algorithm.kind}`;
      expect(await bytesOf(key), algorithm.kind).toBeLessThanOrEqual(80 + key.length);
    }
    await make(fixedWindow(limits)).limit("u");
    expect(await bytesOf(`limiter:${prefix}:{u}:fixed2`)).toBeLessThanOrEqual(120);
    await make(slidingLog({ limit: 20, window: 60_000 })).limit("u", { cost: 20 });
    expect(await bytesOf(`limiter:${prefix}:{u}:log2`)).toBeLessThanOrEqual(320);
    await make(concurrency({ limit: 20, lease: 60_000 })).limit("u", { cost: 20 });
    expect(await bytesOf(`limiter:${prefix}:{u}:held1`)).toBeLessThanOrEqual(1_024);
  });

  backend.it("is at most 410 bytes for a sliding window of 60 sub-buckets and 100 units", async () => {
    const redis = await backend.connect();
    const prefix = `${backend.prefix}m`;
    const algorithm = slidingWindow({ limit: 100, window: 1_200 });
    const limiter = createLimiter(redis, { prefix, algorithm, timeout: 5_000 });
    // One unit in each of the sub-buckets that fit into the window.
    for (let i = 0; i < 60; i += 1) {
      await limiter.limit("u");
      await new Promise((resolve) => setTimeout(resolve, 18));
    }
    expect(integer(await redis.send(["MEMORY", "USAGE", `limiter:${prefix}:{u}:sliding2`]))).toBeLessThanOrEqual(410);
  });
});
