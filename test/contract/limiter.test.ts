import { beforeAll, expect, it } from "vitest";
import { seconds } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/algorithm.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra, tokenBucket } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { createLimiter } from "../../src/core/patterns/limiter/limiter.ts";
import type { LimiterOutage } from "../../src/core/patterns/limiter/outage-policy.ts";
import { slidingLog } from "../../src/core/patterns/limiter/algorithms/sliding-log.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { type Backend, onEveryBackend } from "../support/backends.ts";

interface Family {
  readonly name: string;
  readonly make: (options: { readonly limit: number; readonly window: number }) => LimitAlgorithm;
  /** Inner commands of an allowed and of a refused decision. */
  readonly commands: readonly [allowed: Record<string, number>, refused: Record<string, number>];
}

const clocked = [
  { evalsha: 1, time: 1, get: 1, set: 1 },
  { evalsha: 1, time: 1, get: 1 },
] as const;
const byTtl = [
  { evalsha: 1, get: 1, pttl: 1, set: 1 },
  { evalsha: 1, get: 1, pttl: 1 },
] as const;

const families: readonly Family[] = [
  { name: "fixedWindow", make: fixedWindow, commands: byTtl },
  { name: "slidingWindow", make: slidingWindow, commands: clocked },
  { name: "slidingLog", make: slidingLog, commands: clocked },
  {
    name: "gcra",
    make: gcra,
    commands: byTtl,
  },
  {
    name: "tokenBucket with a fractional interval",
    make: ({ limit, window }) => tokenBucket({ limit: 7, window: window + 3, capacity: limit }),
    commands: byTtl,
  },
];

const strangeIds = ["a:b", "{x}", "*", "ü", "%7B", "x".repeat(10_000), "a}b{c", " "];

onEveryBackend("the limiter", (backend: Backend) => {
  let redis: Redis;
  let serial = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const limiterOf = (algorithm: LimitAlgorithm, options = {}) => {
    serial += 1;
    return createLimiter(redis, { prefix: `${backend.prefix}${serial}`, algorithm, timeout: 60_000, ...options });
  };

  for (const { name, make, commands } of families) {
    const ten = () => limiterOf(make({ limit: 10, window: seconds(100) }));

    backend.it(`@nestjs/throttler: ${name} allows exactly 10 of 500 concurrent calls`, async () => {
      const onError = ({ error }: LimiterOutage) => {
        throw error;
      };
      // No unit comes back before all are answered.
      const limiter = limiterOf(make({ limit: 10, window: seconds(10_000) }), { onError });
      const verdicts = await Promise.all(Array.from({ length: 500 }, () => limiter.limit("u")));
      expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(10);
    });

    it(`${name}: says what is left and when to come back`, async () => {
      const limiter = ten();
      const first = await limiter.limit("u", { cost: 4 });
      expect(first).toMatchObject({ allowed: true, reason: null, limit: 10, remaining: 6, retryAfter: 0 });
      expect(first.resetAfter).toBeGreaterThan(1_000);
      expect(first.degraded).toBe(false);
      await first.pending;
      const refused = await limiter.limit("u", { cost: 7 });
      expect(refused).toMatchObject({ allowed: false, reason: "limit", remaining: 6 });
      expect(refused.retryAfter).toBeGreaterThan(1_000);
      expect(refused.retryAfter).toBeLessThanOrEqual(seconds(200));
    });

    it(`${name}: takes nothing for a refusal`, async () => {
      const limiter = ten();
      await limiter.limit("u", { cost: 8 });
      for (let i = 0; i < 3; i += 1) expect((await limiter.limit("u", { cost: 5 })).allowed).toBe(false);
      expect(await limiter.limit("u", { cost: 2 })).toMatchObject({ allowed: true, remaining: 0 });
    });

    it(`${name}: looks without taking`, async () => {
      const limiter = ten();
      expect(await limiter.peek("u")).toMatchObject({ allowed: true, remaining: 10 });
      await limiter.limit("u", { cost: 10 });
      expect(await limiter.peek("u")).toMatchObject({ allowed: false, remaining: 0 });
    });

    it(`${name}: is one EVALSHA with the stated inner commands`, async () => {
      const limiter = ten();
      await limiter.limit("u", { cost: 8 });
      expect(await backend.count(() => limiter.limit("u", { cost: 2 }))).toEqual(commands[0]);
      expect(await backend.count(() => limiter.limit("u"))).toEqual(commands[1]);
    });

    backend.itHasOwnClock(
      `@upstash/ratelimit 7, redis-gcra: ${name} does not care about the callers' clocks`,
      async () => {
        const limiter = ten();
        const trueNow = Date.now;
        const verdicts = [];
        try {
          for (let i = 0; i < 12; i += 1) {
            const skew = 60_000 * ((i % 3) - 1);
            Date.now = () => trueNow() + skew;
            verdicts.push(await limiter.limit("u"));
          }
        } finally {
          Date.now = trueNow;
        }
        expect(verdicts.map(({ allowed }) => allowed)).toEqual([...Array(10).fill(true), false, false]);
        expect(Math.max(...verdicts.map(({ resetAfter }) => resetAfter))).toBeLessThanOrEqual(seconds(201));
      },
    );

    it(`${name}: works with a cold script cache`, async () => {
      const limiter = ten();
      for (let i = 0; i < 3; i += 1) {
        await Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));
        expect(await limiter.limit("u", { cost: 3 })).toMatchObject({ allowed: true, degraded: false });
      }
      expect((await limiter.limit("u", { cost: 3 })).allowed).toBe(false);
    });

    it(`${name}: keeps odd ids apart`, async () => {
      const limiter = limiterOf(make({ limit: 1, window: seconds(100) }));
      for (const id of strangeIds) expect((await limiter.limit(id)).allowed, id.slice(0, 10)).toBe(true);
      for (const id of strangeIds) expect((await limiter.limit(id)).allowed, id.slice(0, 10)).toBe(false);
      await limiter.reset("a:b");
      await limiter.reset("*");
      const open = await Promise.all(strangeIds.map(async (id) => (await limiter.peek(id)).allowed));
      expect(open).toEqual(strangeIds.map((id) => id === "a:b" || id === "*"));
    });

    it(`${name}: counts a named call once`, async () => {
      const limiter = ten();
      await limiter.limit("u", { cost: 3, requestId: "r1" });
      for (let i = 0; i < 6; i += 1) await limiter.limit("u");
      expect(await limiter.limit("u", { cost: 3, requestId: "r1" })).toMatchObject({ allowed: true, remaining: 1 });
      await limiter.limit("u");
      expect((await limiter.limit("u", { cost: 3, requestId: "r1" })).allowed).toBe(true);
      expect((await limiter.limit("u", { cost: 3, requestId: "r2" })).allowed).toBe(false);
    });

    it(`${name}: refuses a cost that can never pass, without asking Redis`, async () => {
      const limiter = ten();
      const counts = await backend.count(async () => {
        expect(await limiter.limit("u", { cost: 11 })).toMatchObject({
          allowed: false,
          reason: "cost",
          retryAfter: Infinity,
        });
      });
      expect(counts).toEqual({});
    });

    it(`${name}: gives back at most what was taken`, async () => {
      const limiter = ten();
      await limiter.limit("u", { cost: 10 });
      await limiter.refund("u", 4);
      expect(await limiter.peek("u")).toMatchObject({ allowed: true, remaining: 4 });
      await limiter.refund("u", 100);
      expect(await limiter.peek("u")).toMatchObject({ remaining: 10 });
      expect(await limiter.limit("u", { cost: 10 })).toMatchObject({ allowed: true, remaining: 0 });
      expect((await limiter.limit("u")).allowed).toBe(false);
    });

    it(`${name}: blocks for a time`, async () => {
      const limiter = ten();
      await limiter.limit("u", { cost: 2 });
      await limiter.block("u", seconds(300));
      const blocked = await limiter.limit("u");
      expect(blocked).toMatchObject({ allowed: false, reason: "blocked", remaining: 0 });
      expect(blocked.retryAfter).toBeGreaterThan(seconds(200));
      expect(blocked.retryAfter).toBeLessThanOrEqual(seconds(300));
      await limiter.reset("u");
      expect(await limiter.limit("u", { cost: 10 })).toMatchObject({ allowed: true });
    });

    it(`${name}: forgets nothing when a short block ends`, async () => {
      const limiter = ten();
      await limiter.limit("u", { cost: 10 });
      await limiter.block("u", 1);
      expect(await limiter.limit("u", { cost: 2 })).toMatchObject({ allowed: false });
    });

    it(`${name}: decides by another plan`, async () => {
      const limiter = ten();
      const big = make({ limit: 20, window: seconds(100) });
      await limiter.limit("u", { cost: 5 });
      expect(await limiter.limit("u", { cost: 10, algorithm: big })).toMatchObject({ allowed: true, limit: 20 });
      expect((await limiter.limit("u", { cost: 6, algorithm: big })).allowed).toBe(false);
      expect((await limiter.limit("u")).allowed).toBe(false);
    });
  }

  it("refuses bad input before anything is sent", async () => {
    const limiter = limiterOf(gcra({ limit: 1, window: 1_000 }));
    const counts = await backend.count(async () => {
      for (const bad of [0, -1, NaN, Infinity, 1.5]) {
        expect(() => fixedWindow({ limit: bad, window: 1_000 })).toThrow(OptionError);
        expect(() => slidingWindow({ limit: bad, window: 1_000 })).toThrow(OptionError);
        expect(() => gcra({ limit: bad, window: 1_000 })).toThrow(OptionError);
        expect(() => tokenBucket({ limit: 1, window: 1_000, capacity: bad })).toThrow(OptionError);
        await expect(limiter.limit("u", { cost: bad })).rejects.toThrow(OptionError);
      }
      for (const bad of [0, -1, NaN, Infinity]) {
        for (const make of [fixedWindow, slidingWindow, gcra, tokenBucket]) {
          expect(() => make({ limit: 1, window: bad })).toThrow(OptionError);
        }
      }
      for (const bad of ["", undefined, "x".repeat(20_000)]) {
        await expect(limiter.limit(bad as string)).rejects.toThrow(OptionError);
      }
      await expect(limiter.limit("u", { requestId: "" })).rejects.toThrow(OptionError);
      expect(() => limiterOf(gcra({ limit: 1, window: 1_000 }), { onError: "maybe" })).toThrow(OptionError);
      expect(() => limiterOf({} as LimitAlgorithm)).toThrow(OptionError);
      expect(() => createLimiter({} as Redis, { prefix: "p", algorithm: gcra({ limit: 1, window: 1_000 }) })).toThrow(
        OptionError,
      );
    });
    expect(counts).toEqual({});
  });

  it("rejects with the reason of an abort", async () => {
    const limiter = limiterOf(fixedWindow({ limit: 1, window: 60_000 }));
    const reason = new Error("enough");
    await expect(limiter.limit("u", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const during = limiter.limit("u", { signal: controller.signal });
    controller.abort(reason);
    await expect(during).rejects.toBe(reason);
  });
});
