import * as fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { days, minutes, seconds } from "../../src/core/time/duration.ts";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/algorithm.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { createLimiter } from "../../src/core/patterns/limiter/limiter.ts";
import { slidingLog } from "../../src/core/patterns/limiter/algorithms/sliding-log.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { onVirtualClock, type VirtualClock } from "../fixtures/limiter-clock.ts";
import {
  countedWindow,
  exactBucket,
  exactLog,
  excessOverRate,
  mostInAnyWindow,
  type Oracle,
  type Passed,
} from "../fixtures/limiter-oracles.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const start = 1_790_000_000_000;

/** Arrivals: the pause before each, as a share of the window, and its cost, as a share of the limit. */
const arrivals = fc.array(
  fc.record({
    pause: fc.oneof(
      fc.constant(0),
      fc.double({ min: 0, max: 0.05, noNaN: true }),
      fc.double({ min: 0, max: 1.2, noNaN: true }),
    ),
    share: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
  }),
  { minLength: 1, maxLength: 40 },
);
const sizes = fc.record({
  limit: fc.integer({ min: 1, max: 300 }),
  window: fc.oneof(fc.integer({ min: 50, max: 5_000 }), fc.constantFrom(seconds(60), minutes(60), days(1))),
});

onEveryBackend("a limiter beside its oracle", (backend) => {
  let redis: Redis;
  let serial = 0;
  const runs = sized(/Cluster|rest|upstash/.test(backend.name) ? 8 : 12, 3);
  beforeAll(async () => {
    redis = await backend.connect();
  });

  function virtual(algorithm: LimitAlgorithm) {
    serial += 1;
    const clock: VirtualClock = { now: start };
    const limiter = createLimiter(onVirtualClock(redis, clock), {
      prefix: `${backend.prefix}${serial}`,
      algorithm,
      timeout: 60_000,
      onError: rethrow,
    });
    return { clock, limiter };
  }

  /** Plays arrivals and gives what passed; each refusal is held to its `retryAfter`. */
  async function play(
    algorithm: LimitAlgorithm,
    { limit, window }: { readonly limit: number; readonly window: number },
    steps: readonly { readonly pause: number; readonly share: number }[],
    oracle?: Oracle,
  ): Promise<Passed[]> {
    const { clock, limiter } = virtual(algorithm);
    const passed: Passed[] = [];
    for (const { pause, share } of steps) {
      clock.now += Math.round(pause * window);
      const cost = 1 + Math.floor(share * (limit - 1));
      const { allowed, retryAfter } = await limiter.limit("u", { cost });
      expect(allowed, `at ${clock.now - start}`).toBe(oracle?.take(clock.now, cost) ?? allowed);
      if (allowed) passed.push({ at: clock.now, cost });
      else await expectExact(retryAfter, clock, () => limiter.peek("u", { cost }));
    }
    return passed;
  }

  it.each([
    { algorithm: fixedWindow({ limit: 10, window: seconds(60) }), left: 9 },
    { algorithm: slidingWindow({ limit: 10, window: seconds(60) }), left: 7 },
    { algorithm: slidingLog({ limit: 10, window: seconds(60) }), left: 7 },
    { algorithm: gcra({ limit: 10, window: seconds(60) }), left: 0 },
  ])("a block ends when its time is over, with so much left: $algorithm.kind, $left", async ({ algorithm, left }) => {
    const { clock, limiter } = virtual(algorithm);
    await limiter.limit("u", { cost: 2 });
    for (const time of [seconds(30), seconds(10), seconds(90), seconds(10)]) {
      clock.now += 100;
      await limiter.block("u", time);
      const { reason, retryAfter } = await limiter.limit("u");
      expect([reason, retryAfter]).toEqual(["blocked", time]);
    }
    await expectExact(seconds(10), clock, () => limiter.peek("u"));
    clock.now += seconds(10);
    expect(await limiter.limit("u")).toMatchObject({ allowed: true, remaining: left });
  });

  it("fixedWindow decides as its oracle does, and retryAfter is exact", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, arrivals, async (size, steps) => {
        const passed = await play(fixedWindow(size), size, steps, countedWindow(size.limit, size.window));
        expect(mostInAnyWindow(passed, size.window)).toBeLessThanOrEqual(2 * size.limit);
      }),
      { numRuns: runs },
    );
  }, 60_000);

  it("slidingLog decides as its oracle does, and retryAfter is exact", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, arrivals, async (size, steps) => {
        const passed = await play(slidingLog(size), size, steps, exactLog(size.limit, size.window));
        expect(mostInAnyWindow(passed, size.window)).toBeLessThanOrEqual(size.limit);
      }),
      { numRuns: runs },
    );
  }, 60_000);

  it("@upstash/ratelimit 15: gcra decides as its oracle does, and retryAfter is exact", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, arrivals, fc.integer({ min: 1, max: 400 }), async (size, steps, burst) => {
        const bucket = exactBucket(size.limit, size.window, burst);
        const passed = await play(gcra({ ...size, burst }), { ...size, limit: burst }, steps, bucket);
        expect(excessOverRate(passed, burst, size.limit, size.window)).toBeLessThan(1e-6);
      }),
      { numRuns: runs },
    );
  }, 60_000);

  it("@upstash/ratelimit 15, rate-limiter-flexible 6: slidingWindow never lets more than the limit pass in any window, and retryAfter is exact", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, arrivals, fc.constantFrom(1, 7, 60), async (size, steps, buckets) => {
        const passed = await play(slidingWindow({ ...size, buckets }), size, steps);
        expect(mostInAnyWindow(passed, size.window)).toBeLessThanOrEqual(size.limit);
      }),
      { numRuns: runs },
    );
  }, 60_000);

  backend.it(
    "slidingWindow reaches 96 % of the exact throughput under a steady, a hammering and a bursting client",
    async () => {
      const size = { limit: 100, window: seconds(60) };
      for (const [every, burst] of [
        [500, 1],
        [250, 1],
        [37_000, 100],
        [9_000, 20],
      ] as const) {
        const { clock, limiter } = virtual(slidingWindow(size));
        const exact = exactLog(size.limit, size.window);
        const passed: Passed[] = [];
        let ideal = 0;
        for (; clock.now < start + minutes(3); clock.now += every) {
          const at = clock.now;
          const verdicts = await Promise.all(Array.from({ length: burst }, () => limiter.limit("u")));
          passed.push(...verdicts.filter(({ allowed }) => allowed).map(() => ({ at, cost: 1 })));
          for (let i = 0; i < burst; i += 1) ideal += exact.take(at, 1) ? 1 : 0;
        }
        expect(mostInAnyWindow(passed, size.window)).toBeLessThanOrEqual(size.limit);
        expect(passed.length, `${burst} every ${every} ms`).toBeGreaterThanOrEqual(0.96 * ideal);
      }
    },
    60_000,
  );

  backend.it(
    "gcra keeps its rate within 2 % from one a day to 5,000 a second",
    async () => {
      for (const [limit, window, step] of [
        [1, days(1), 7_200_000],
        [1, seconds(1), 90],
        [7, minutes(1), 1_000],
        [700, seconds(1), 1],
        [997, seconds(1), 1],
        [5_000, seconds(1), 1],
      ] as const) {
        const burst = 20;
        const { clock, limiter } = virtual(gcra({ limit, window, burst }));
        const perStep = Math.ceil((limit * step) / window) + 1;
        const passed: Passed[] = [];
        for (let i = 0; i < 60; i += 1) {
          const at = clock.now;
          const verdicts = await Promise.all(Array.from({ length: perStep }, () => limiter.limit("u")));
          passed.push(...verdicts.filter(({ allowed }) => allowed).map(() => ({ at, cost: 1 })));
          clock.now += step;
        }
        const ideal = Math.floor(burst + (59 * step * limit) / window);
        expect(excessOverRate(passed, burst, limit, window)).toBeLessThan(1e-6);
        expect(passed.length, `${limit} per ${window} ms`).toBeGreaterThanOrEqual(0.98 * ideal - 1);
      }
    },
    60_000,
  );

  it("would catch an algorithm that lets too much pass, or too little", async () => {
    const size = { limit: 10, window: 1_000 };
    const burstAtTheEdge = [
      { pause: 0, share: 0 },
      { pause: 0.99, share: 0.9 },
      { pause: 0.02, share: 1 },
    ];
    // A fixed window lets 2 x the limit pass around its end, which the sliding checkers must reject.
    const passed = await play(fixedWindow(size), size, burstAtTheEdge);
    expect(mostInAnyWindow(passed, size.window)).toBeGreaterThan(size.limit);
    await expect(play(fixedWindow(size), size, burstAtTheEdge, exactLog(10, 1_000))).rejects.toThrow(
      /expected true to be false/,
    );
    expect(excessOverRate(passed, size.limit, size.limit, size.window)).toBeGreaterThan(1);
  });
});

function rethrow({ error }: { readonly error: unknown }): never {
  throw error;
}

/** Waiting `retryAfter` succeeds; a millisecond less does not. */
async function expectExact(
  retryAfter: number,
  clock: VirtualClock,
  peek: () => Promise<{ readonly allowed: boolean }>,
): Promise<void> {
  const refusedAt = clock.now;
  clock.now = refusedAt + retryAfter - 1;
  const early = await peek();
  clock.now = refusedAt + retryAfter;
  const onTime = await peek();
  clock.now = refusedAt;
  expect([early.allowed, onTime.allowed]).toEqual([false, true]);
}
