import { afterAll, beforeAll, expect, it } from "vitest";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/algorithm.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { slidingLog } from "../../src/core/patterns/limiter/algorithms/sliding-log.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import { createLimiter } from "../../src/core/patterns/limiter/limiter.ts";
import { limitAll } from "../../src/core/patterns/limiter/operations/limit-all.ts";
import { reserve } from "../../src/core/patterns/limiter/operations/reserve.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { days, hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { onVirtualClock, type VirtualClock } from "../fixtures/limiter-clock.ts";
import { onEveryBackend } from "../support/backends.ts";
import { measureScripts } from "../support/script-work.ts";

const start = 1_790_000_000_000;
const families: Readonly<
  Record<string, (options: { readonly limit: number; readonly window: number }) => LimitAlgorithm>
> = { fixedWindow, slidingWindow, slidingLog, gcra };

/** The largest limit and the most parts that an algorithm takes. */
const largest: Readonly<Record<string, LimitAlgorithm>> = {
  fixedWindow: fixedWindow({ limit: Number.MAX_SAFE_INTEGER, window: days(1) }),
  slidingWindow: slidingWindow({ limit: 16_777_215, window: seconds(60), buckets: 1_000 }),
  slidingLog: slidingLog({ limit: 100_000, window: seconds(60) }),
  gcra: gcra({ limit: 1_000_000_000, window: seconds(60), burst: 1_000_000 }),
};

onEveryBackend("a limiter's bounds", (backend) => {
  let redis: Redis;
  let serial = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  // Each decision copies the largest log, 600 kB, which a busy machine takes long for. Here the work is counted and not timed.
  afterAll(() => Promise.all(backend.servers.map((server) => server.send(["SLOWLOG", "RESET"]))));
  const virtual = (algorithm: LimitAlgorithm, port = redis) => {
    serial += 1;
    const clock: VirtualClock = { now: start };
    const options = { algorithm, timeout: 60_000, onError: rethrow };
    const virtualPort = onVirtualClock(port, clock);
    const limiterOf = (suffix: string) =>
      createLimiter(virtualPort, { ...options, prefix: `${backend.prefix}${serial}${suffix}` });
    return { clock, limiter: limiterOf("a"), beside: limiterOf("b") };
  };

  for (const [name, make] of Object.entries(families)) {
    it(`${name}: what is used far above the estimate takes as many windows as it fills`, async () => {
      const { clock, limiter } = virtual(make({ limit: 100, window: minutes(1) }));
      const reservation = await reserve(limiter, "u", { cost: 50 });
      await reservation.settle(500);
      const { retryAfter, reason, remaining } = await limiter.peek("u");
      expect([reason, remaining]).toEqual(["blocked", 0]);
      // 125 units in a window are a burst and the rate.
      expect(500 / (retryAfter / minutes(1))).toBeLessThanOrEqual(125);
      expect(retryAfter).toBeLessThanOrEqual(minutes(5));
      clock.now += retryAfter - 1;
      expect((await limiter.peek("u")).allowed).toBe(false);
      clock.now += 1;
      expect((await limiter.limit("u")).allowed).toBe(true);
    });

    for (const back of [seconds(60), seconds(600), days(400)]) {
      it(`${name}: refuses no longer than it would, if the server's clock is set back by ${back} ms`, async () => {
        const { clock, limiter } = virtual(make({ limit: 10, window: seconds(100) }));
        await limiter.limit("u", { cost: 6 });
        clock.now += seconds(5);
        await limiter.limit("u", { cost: 4 });
        const before = await limiter.peek("u", { cost: 10 });
        clock.now -= back;
        const after = await limiter.peek("u", { cost: 10 });
        expect(after.retryAfter).toBeLessThanOrEqual(seconds(105));
        expect(after.retryAfter).toBeGreaterThanOrEqual(before.retryAfter);
        for (const share of [0.5, 0.25]) {
          clock.now += Math.floor(after.retryAfter * share);
          expect((await limiter.limit("u", { cost: 10 })).allowed).toBe(false);
        }
        clock.now += after.retryAfter;
        expect(await limiter.limit("u", { cost: 10 })).toMatchObject({ allowed: true, remaining: 0 });
      });
    }

    it(`${name}: a block lasts no longer, if the server's clock is set back`, async () => {
      const { clock, limiter } = virtual(make({ limit: 10, window: seconds(100) }));
      await limiter.block("u", seconds(30));
      clock.now -= hours(1);
      expect((await limiter.limit("u")).retryAfter).toBeLessThanOrEqual(seconds(30));
      clock.now += seconds(30);
      expect((await limiter.limit("u")).allowed).toBe(true);
    });

    it(`${name}: the largest block and settlement are kept`, async () => {
      for (const limit of [1, 1_000, 100_000]) {
        const { limiter } = virtual(make({ limit, window: days(1) }));
        await limiter.block("u", Number.MAX_SAFE_INTEGER);
        expect(await limiter.limit("u")).toMatchObject({ reason: "blocked" });
        await limiter.reset("u");
        await (await reserve(limiter, "u")).settle(Number.MAX_SAFE_INTEGER);
        const { reason, retryAfter } = await limiter.limit("u");
        expect([reason, retryAfter > days(1_000)]).toEqual(["blocked", true]);
      }
    });
  }

  for (const [name, algorithm] of Object.entries(largest)) {
    backend.it(`${name}: the largest arguments take bounded work of the server`, async () => {
      const counted = measureScripts(redis);
      const { clock, limiter, beside } = virtual(algorithm, counted.redis);
      const { limit } = algorithm;
      const most = Math.min(limit, 2 ** 40);
      // As many sub-buckets, or units, as there can be.
      for (let i = 0; i < 100; i += 1) {
        await limiter.limit("u", { cost: Math.min(300, Math.ceil(most / 200)) });
        clock.now += 61;
      }
      await limiter.limit("u", { cost: most - 100 * Math.min(300, Math.ceil(most / 200)) });
      expect((await limiter.limit("u", { cost: limit })).allowed).toBe(false);
      await limiter.peek("u", { cost: limit });
      await limiter.refund("u", Math.ceil(limit / 2));
      await limiter.refund("u", limit);
      await limiter.limit("u", { cost: limit });
      const reservation = await reserve(limiter, "v", { cost: 1 });
      await reservation.settle(Number.MAX_SAFE_INTEGER);
      await limiter.block("u", days(1));
      await limitAll([
        { limiter, id: "u", cost: limit },
        { limiter: beside, id: "u" },
      ]);
      expect(counted.runs.length).toBeGreaterThan(105);
      expect(Math.max(...counted.runs.map(({ commands }) => commands))).toBeLessThanOrEqual(12);
      expect(Math.max(...counted.runs.map(({ rounds }) => rounds))).toBeLessThanOrEqual(2_100);
      const usual = counted.runs.slice(0, 100).map(({ rounds }) => rounds);
      expect(Math.max(...usual), "rounds of the usual decision").toBeLessThanOrEqual(25);
    });
  }

  it("slidingLog: holds no more than a few times its limit, however much is settled", async () => {
    const { limiter } = virtual(slidingLog({ limit: 1_000, window: minutes(1) }));
    for (let i = 0; i < 3; i += 1) await (await reserve(limiter, `u${i}`)).settle(50_000_000);
    const kept = (await backend.keys()).filter((key) => key.includes(`${backend.prefix}${serial}a:`));
    expect(kept.length).toBeGreaterThanOrEqual(3);
    for (const key of kept) {
      expect(Number(await redis.send(["STRLEN", key]))).toBeLessThanOrEqual(5 * 6_000 + 100);
    }
  });
});

function rethrow({ error }: { readonly error: unknown }): never {
  throw error;
}
