import * as fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/algorithm.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra, tokenBucket } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { slidingLog } from "../../src/core/patterns/limiter/algorithms/sliding-log.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import { contextOf } from "../../src/core/patterns/limiter/context.ts";
import { counterKey, decide } from "../../src/core/patterns/limiter/decide.ts";
import { createLimiter, type Limiter } from "../../src/core/patterns/limiter/limiter.ts";
import { prefetch } from "../../src/core/patterns/limiter/local/prefetch.ts";
import { limitAll } from "../../src/core/patterns/limiter/operations/limit-all.ts";
import type { Verdict } from "../../src/core/patterns/limiter/verdict.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { days, hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { onVirtualClock, type VirtualClock } from "../fixtures/limiter-clock.ts";
import {
  type Asked,
  modelOfLog,
  modelOfRate,
  modelOfSubBuckets,
  modelOfWindow,
  type StateModel,
} from "../fixtures/limiter-models.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const start = 1_790_000_000_000;

interface Family {
  readonly make: (asked: Asked) => LimitAlgorithm;
  readonly model: () => StateModel;
}

const families: Readonly<Record<string, Family>> = {
  fixedWindow: { make: fixedWindow, model: modelOfWindow },
  slidingWindow: { make: slidingWindow, model: () => modelOfSubBuckets(60) },
  "slidingWindow of 7": {
    make: ({ limit, window }) => slidingWindow({ limit, window, buckets: 7 }),
    model: () => modelOfSubBuckets(7),
  },
  slidingLog: { make: slidingLog, model: modelOfLog },
  gcra: { make: gcra, model: modelOfRate },
};

const asked = fc
  .record({
    limit: fc.integer({ min: 1, max: 60 }),
    window: fc.oneof(
      fc.integer({ min: 50, max: 5_000 }),
      fc.constantFrom(seconds(3), minutes(1), hours(1), days(1), days(40)),
    ),
    burst: fc.integer({ min: 1, max: 60 }),
  })
  .map(({ limit, window, burst }): Asked => ({ limit, window, burst }));

/** One call: by the first or the second limit, after a pause that is a share of the first or the second window. */
const steps = fc.array(
  fc.record({
    by: fc.boolean(),
    pauseOf: fc.boolean(),
    pause: fc.oneof(
      fc.constant(0),
      fc.double({ min: 0, max: 0.1, noNaN: true }),
      fc.double({ min: 0, max: 1.3, noNaN: true }),
    ),
    share: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
    call: fc.constantFrom("limit", "limit", "peek", "limitAll", "wait"),
  }),
  { minLength: 1, maxLength: 30 },
);
type Step = typeof steps extends fc.Arbitrary<readonly (infer T)[]> ? T : never;

onEveryBackend("what was counted under one limit, asked by another", (backend) => {
  let redis: Redis;
  let serial = 0;
  const runs = sized(/Cluster|rest|upstash/.test(backend.name) ? 10 : 25, 3);
  beforeAll(async () => {
    redis = await backend.connect();
  });

  function virtual(algorithm: LimitAlgorithm) {
    serial += 1;
    const clock: VirtualClock = { now: start };
    const port = onVirtualClock(redis, clock);
    const prefix = `${backend.prefix}${serial}`;
    const limiter = createLimiter(port, { prefix, algorithm, timeout: 60_000, onError: rethrow });
    const beside = createLimiter(port, { prefix: `${prefix}b`, algorithm: slidingLog({ limit: 9_999, window: 10 }) });
    const ttl = async () => {
      const ends = await redis.send(["GET", `${counterKey(contextOf(limiter), "u", {})}:at`]);
      return ends === null ? 0 : Number(String(ends)) - clock.now;
    };
    return { clock, limiter, beside, ttl };
  }

  /** Asks in one of the ways; a call that books is told when its units are due. */
  async function ask(
    { limiter, beside }: { readonly limiter: Limiter; readonly beside: Limiter },
    call: string,
    cost: number,
    algorithm: LimitAlgorithm,
    maxWait: number,
  ): Promise<Verdict> {
    if (call === "limit") return limiter.limit("u", { cost, algorithm });
    if (call === "peek") return limiter.peek("u", { cost, algorithm });
    if (call === "wait") return decide(contextOf(limiter), "u", { cost, algorithm }, maxWait);
    const all = await limitAll([
      { limiter: beside, id: "u" },
      { limiter, id: "u", cost, algorithm },
    ]);
    return all.verdicts[1] ?? expect.fail("no verdict");
  }

  /** Plays calls of two limits on one key, and holds each decision to what the model knows. */
  async function play(make: Family["make"], model: StateModel, limits: readonly Asked[], played: readonly Step[]) {
    const [first = expect.fail(), second = first] = limits;
    const { clock, ...limiters } = virtual(make(first));
    const longest = Math.max(...limits.flatMap(({ limit, window, burst }) => [window, (burst * window) / limit]));
    // A sub-bucket ends with its tick.
    const tick = longest / 32_767 + 1;
    let bookedUntil = 0;
    for (const { by, pauseOf, pause, share, call } of played) {
      const now = (clock.now += Math.round(pause * (pauseOf ? first : second).window));
      const chosen = by ? first : second;
      const algorithm = make(chosen);
      const most = algorithm.limit;
      const cost = 1 + Math.floor(share * (most - 1));
      const verdict = await ask(limiters, call, cost, algorithm, chosen.window);
      const counted = model.counted(now, chosen);
      const isBooked = verdict.allowed && verdict.retryAfter > 0;
      const at = `${call} of ${cost} at ${now - start} by ${JSON.stringify(chosen)}, ${JSON.stringify(counted)}`;
      if (now < bookedUntil) {
        expect(now + verdict.retryAfter, `${at}: nobody overtakes`).toBeGreaterThan(bookedUntil - tick);
      } else {
        const passes = verdict.allowed && !isBooked;
        if (counted.most + cost <= most) expect(passes, `${at}: fits`).toBe(true);
        if (counted.least + cost > most) expect(passes, `${at}: does not fit`).toBe(false);
        expect(verdict.retryAfter, `${at}: waits`).toBeLessThanOrEqual(longest + tick);
      }
      if (verdict.allowed && call !== "peek") {
        model.granted(now, now + verdict.retryAfter, cost, chosen);
        if (isBooked) bookedUntil = now + verdict.retryAfter;
      }
      // A key of a shorter window ends before a longer one has passed, and all is forgotten then.
      const isKept = (await limiters.ttl()) >= verdict.retryAfter;
      if (!verdict.allowed && isKept)
        await expectExact(verdict.retryAfter, clock, () => limiters.limiter.peek("u", { cost, algorithm }));
      const kept = Math.max(bookedUntil - now, 0) + longest + tick;
      expect(await limiters.ttl(), `${at}: lives`).toBeLessThanOrEqual(kept);
    }
    return played.length;
  }

  for (const [name, { make, model }] of Object.entries(families)) {
    it(`${name}: allows what fits beside all that may count, and refuses what does not fit beside what does`, async () => {
      await fc.assert(
        fc.asyncProperty(asked, asked, steps, async (one, two, played) => {
          expect(await play(make, model(), [one, two], played)).toBe(played.length);
        }),
        { numRuns: runs },
      );
    }, 120_000);

    it(`${name}: a rolling deploy of another window refuses nobody`, async () => {
      const one = { limit: 100, window: seconds(3), burst: 100 };
      const { clock, limiter } = virtual(make(one));
      for (let i = 0; i < 30; i += 1) {
        clock.now += 700;
        const window = i % 2 === 0 ? seconds(3) : hours(1);
        expect(await limiter.limit("u", { algorithm: make({ ...one, window }) })).toMatchObject({ allowed: true });
      }
    });

    it(`${name}: a block and a booking keep their instants`, async () => {
      const one = { limit: 2, window: seconds(10), burst: 2 };
      const wide = make({ limit: 50, window: seconds(1), burst: 50 });
      const { clock, limiter, ...others } = virtual(make(one));
      await limiter.block("u", seconds(30));
      clock.now += seconds(10);
      expect(await limiter.limit("u", { algorithm: wide })).toMatchObject({
        reason: "blocked",
        retryAfter: seconds(20),
      });
      clock.now += seconds(20);
      expect(await limiter.limit("u", { algorithm: wide })).toMatchObject({ allowed: true });
      await limiter.reset("u");
      await limiter.limit("u", { cost: 2 });
      const booked = await ask({ limiter, ...others }, "wait", 2, make(one), seconds(60));
      expect(booked).toMatchObject({ allowed: true, retryAfter: seconds(10) });
      expect(await limiter.limit("u", { algorithm: wide })).toMatchObject({
        reason: "blocked",
        retryAfter: seconds(10),
      });
      clock.now += seconds(10);
      expect(await limiter.limit("u", { algorithm: wide, cost: 48 })).toMatchObject({ allowed: true });
    });

    it(`${name}: prefetched units count from their grant`, async () => {
      const { clock, limiter } = virtual(make({ limit: 800, window: minutes(10), burst: 800 }));
      const ahead = prefetch(limiter, { batch: 20, hold: hours(1) });
      for (let i = 0; i < 2; i += 1) await ahead.limit("u");
      clock.now += seconds(1);
      const other = make({ limit: 50, window: hours(1), burst: 50 });
      expect(await limiter.peek("u", { algorithm: other, cost: 28 })).toMatchObject({ allowed: true });
      expect((await limiter.peek("u", { algorithm: other, cost: 32 })).allowed).toBe(false);
      await ahead.close();
    });

    it(`${name}: a checker that knows the units refuses a limiter that forgets or invents them`, async () => {
      const one = { limit: 10, window: minutes(1), burst: 10 };
      const other = { limit: 10, window: hours(1), burst: 10 };
      const step = { pauseOf: false, pause: 0, share: 1 } as const;
      const calls: readonly Step[] = [
        { ...step, by: true, call: "limit" },
        { ...step, by: false, call: "limit" },
      ];
      const forgetful: StateModel = { counted: () => ({ least: 0, most: 0 }), granted: () => undefined };
      const inventive: StateModel = { counted: () => ({ least: 1, most: 1 }), granted: () => undefined };
      await play(make, model(), [one, other], calls);
      // A limiter that counts what the model does not, and one that does not count what the model does.
      await expect(play(make, forgetful, [one, other], calls)).rejects.toThrow(/fits/);
      await expect(play(make, inventive, [one, other], calls)).rejects.toThrow(/does not fit/);
      // Two keys instead of one: nothing carries over.
      const apart = ({ limit, window, burst }: Asked) => ({ ...make({ limit, window, burst }), kind: `k${window}` });
      await expect(play(apart, model(), [one, other], calls)).rejects.toThrow(/does not fit/);
    });
  }

  it("slidingWindow: a unit of a minute's limit is one unit of an hour's", async () => {
    const hour = slidingWindow({ limit: 1_000, window: hours(1) });
    const { clock, limiter, ttl } = virtual(slidingWindow({ limit: 1_000, window: seconds(60) }));
    await limiter.limit("u");
    expect(await limiter.limit("u", { algorithm: hour })).toMatchObject({ allowed: true, remaining: 998 });
    await limiter.block("u", seconds(1), { algorithm: hour });
    expect(await ttl()).toBeLessThanOrEqual(hours(1) + 200);
    await limiter.refund("u", 1, { algorithm: hour });
    expect(await ttl()).toBeLessThanOrEqual(hours(1) + 200);
    clock.now += seconds(1);
    expect(await limiter.limit("u", { algorithm: hour })).toMatchObject({ allowed: true, remaining: 998 });
  });

  it("slidingWindow: what is used up for an hour is used up for a minute", async () => {
    const { limiter } = virtual(slidingWindow({ limit: 10, window: hours(1) }));
    await limiter.limit("u", { cost: 10 });
    const minute = slidingWindow({ limit: 10, window: minutes(1) });
    expect(await limiter.limit("u", { algorithm: minute })).toMatchObject({ allowed: false, retryAfter: minutes(1) });
  });

  it("fixedWindow: a unit of a day's limit does not use up a minute's", async () => {
    const { clock, limiter } = virtual(fixedWindow({ limit: 5_000, window: days(1) }));
    await limiter.limit("u");
    clock.now += minutes(1) - 1;
    const minute = fixedWindow({ limit: 100, window: minutes(1) });
    expect(await limiter.peek("u", { algorithm: minute })).toMatchObject({ allowed: true, remaining: 99 });
    clock.now += 1;
    expect(await limiter.limit("u", { algorithm: minute, cost: 100 })).toMatchObject({ allowed: true });
  });

  it("gcra: half a day's units are half a minute's, and come back at its rate", async () => {
    const { clock, limiter } = virtual(gcra({ limit: 100, window: days(1) }));
    await limiter.limit("u", { cost: 50 });
    const minute = gcra({ limit: 100, window: minutes(1) });
    expect(await limiter.peek("u", { algorithm: minute, cost: 51 })).toMatchObject({ remaining: 50, retryAfter: 600 });
    clock.now += seconds(30);
    expect(await limiter.limit("u", { algorithm: minute, cost: 100 })).toMatchObject({ allowed: true });
  });

  it("tokenBucket: who has used up the free plan pays and goes on at once", async () => {
    const free = tokenBucket({ limit: 60, window: minutes(1), capacity: 10 });
    const paid = tokenBucket({ limit: 6_000, window: minutes(1), capacity: 500 });
    const { limiter } = virtual(free);
    await limiter.limit("u", { cost: 10 });
    expect(await limiter.limit("u", { algorithm: paid })).toMatchObject({ allowed: true, remaining: 489 });
  });
});

function rethrow({ error }: { readonly error: unknown }): never {
  throw error;
}

/** Waiting `retryAfter` succeeds; a millisecond less does not. */
async function expectExact(retryAfter: number, clock: VirtualClock, peek: () => Promise<Verdict>): Promise<void> {
  const refusedAt = clock.now;
  clock.now = refusedAt + retryAfter - 1;
  const early = await peek();
  clock.now = refusedAt + retryAfter;
  const onTime = await peek();
  clock.now = refusedAt;
  expect([early.allowed, onTime.allowed], `after ${retryAfter}`).toEqual([false, true]);
}
