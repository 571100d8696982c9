import { beforeAll, describe, expect, it } from "vitest";
import { minutes, seconds } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/algorithm.ts";
import { blockedIds } from "../../src/core/patterns/limiter/local/blocked-ids.ts";
import { concurrency } from "../../src/core/patterns/limiter/algorithms/concurrency.ts";
import { acquirePermit } from "../../src/core/patterns/limiter/operations/acquire-permit.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra, tokenBucket } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { prefetch } from "../../src/core/patterns/limiter/local/prefetch.ts";
import { limitAll } from "../../src/core/patterns/limiter/operations/limit-all.ts";
import { createLimiter, type Limiter } from "../../src/core/patterns/limiter/limiter.ts";
import type { LimiterOptions } from "../../src/core/patterns/limiter/options.ts";
import { reserve } from "../../src/core/patterns/limiter/operations/reserve.ts";
import { slidingLog } from "../../src/core/patterns/limiter/algorithms/sliding-log.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import { waitTurn } from "../../src/core/patterns/limiter/operations/wait-turn.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type Backend, onEveryBackend } from "../support/backends.ts";
import { measureScripts } from "../support/script-work.ts";
import { onVirtualClock } from "../fixtures/limiter-clock.ts";
import { calmly } from "../support/stopwatch.ts";

const families: Readonly<
  Record<string, (options: { readonly limit: number; readonly window: number }) => LimitAlgorithm>
> = {
  fixedWindow,
  slidingWindow,
  slidingLog,
  gcra,
  "tokenBucket with a fractional interval": ({ limit, window }) =>
    tokenBucket({ limit, window: window + 1, capacity: limit }),
};

onEveryBackend("the limiter's further operations", (backend: Backend) => {
  let redis: Redis;
  let serial = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const limiterOf = (algorithm: LimitAlgorithm, options: Partial<LimiterOptions> = {}) => {
    serial += 1;
    return createLimiter(redis, { prefix: `${backend.prefix}${serial}`, algorithm, timeout: 60_000, ...options });
  };
  /** A limiter whose clock the test turns. */
  const turned = (algorithm: LimitAlgorithm) => {
    const clock = { now: Date.now() };
    serial += 1;
    const options = { prefix: `${backend.prefix}${serial}`, algorithm, timeout: 60_000 };
    return { clock, limiter: createLimiter(onVirtualClock(redis, clock), options) };
  };
  const allowedOf = async (limiter: Limiter, cost: number) => (await limiter.limit("u", { cost })).allowed;

  describe("waitTurn", () => {
    for (const [name, make] of Object.entries(families)) {
      backend.it(
        `@upstash/ratelimit 14: ${name} books in order, one decision for each, and lets nobody overtake`,
        async () => {
          const { order, counts } = await calmly(async () => {
            const limiter = limiterOf(make({ limit: 1, window: 200 }));
            await limiter.limit("u");
            const order: number[] = [];
            const counts = await backend.count(async () => {
              const turns: Promise<unknown>[] = [];
              for (const i of [0, 1, 2, 3]) {
                turns.push(waitTurn(limiter, "u", { maxWait: 5_000 }).then(({ allowed }) => allowed && order.push(i)));
                await sleep(40);
              }
              expect(await limiter.limit("u")).toMatchObject({ allowed: false, reason: "blocked" });
              await Promise.all(turns);
            });
            return { order, counts };
          });
          expect(order).toEqual([0, 1, 2, 3]);
          expect((counts["evalsha"] ?? 0) + (counts["eval"] ?? 0)).toBeLessThanOrEqual(10);
        },
      );

      it(`${name}: refuses at once what would come too late`, async () => {
        const limiter = limiterOf(make({ limit: 2, window: seconds(100) }));
        await limiter.limit("u", { cost: 2 });
        const verdict = await waitTurn(limiter, "u", { maxWait: 1_000 });
        expect(verdict).toMatchObject({ allowed: false, reason: "limit" });
        expect(await limiter.peek("u", { cost: 1 })).toMatchObject({ reason: "limit" });
      });

      it(`${name}: gives the slot back on abort if nobody booked since`, async () => {
        const limiter = limiterOf(make({ limit: 2, window: seconds(100) }));
        await limiter.limit("u", { cost: 2 });
        const before = (await limiter.peek("u")).retryAfter;
        const controller = new AbortController();
        const reason = new Error("left");
        const turn = waitTurn(limiter, "u", { maxWait: minutes(10), signal: controller.signal });
        await until(async () => (await limiter.peek("u")).reason === "blocked");
        controller.abort(reason);
        await expect(turn).rejects.toBe(reason);
        const after = await limiter.peek("u");
        expect(after.retryAfter).toBeLessThanOrEqual(before);
        expect(after.reason).toBe("limit");
      });

      it(`${name}: lets the slot lapse on abort if somebody booked since`, async () => {
        const limiter = limiterOf(make({ limit: 2, window: seconds(100) }));
        await limiter.limit("u", { cost: 2 });
        const first = new AbortController();
        const second = new AbortController();
        const turn = waitTurn(limiter, "u", { maxWait: minutes(20), signal: first.signal, cost: 2 });
        await until(async () => (await limiter.peek("u")).reason === "blocked");
        const booked = (await limiter.peek("u")).retryAfter;
        const next = waitTurn(limiter, "u", { maxWait: minutes(20), signal: second.signal, cost: 2 });
        await until(async () => (await limiter.peek("u")).retryAfter > booked);
        const both = (await limiter.peek("u")).retryAfter;
        first.abort();
        await expect(turn).rejects.toBe(first.signal.reason);
        expect((await limiter.peek("u")).retryAfter).toBeGreaterThan(both - seconds(20));
        second.abort();
        await expect(next).rejects.toBe(second.signal.reason);
      });
    }

    it("refuses held units, which cannot be booked", async () => {
      const limiter = limiterOf(concurrency({ limit: 1, lease: 1_000 }));
      await expect(waitTurn(limiter, "u", { maxWait: 10 })).rejects.toThrow(OptionError);
    });
  });

  describe("reserve", () => {
    for (const [name, make] of Object.entries(families)) {
      it(`${name}: settles for less, for more, or not at all`, async () => {
        const limiter = limiterOf(make({ limit: 100, window: seconds(1_000) }));
        const first = await reserve(limiter, "u", { cost: 60 });
        expect(first).toMatchObject({ allowed: true, remaining: 40 });
        await first.settle(25);
        await first.settle(1);
        await first.cancel();
        expect((await limiter.peek("u")).remaining).toBe(75);
        const second = await reserve(limiter, "u", { cost: 50 });
        await second.cancel();
        expect((await limiter.peek("u")).remaining).toBe(75);
        const third = await reserve(limiter, "u", { cost: 70 });
        await third.settle(90);
        expect(await limiter.peek("u")).toMatchObject({ allowed: false, remaining: 0 });
        const refused = await reserve(limiter, "u", { cost: 70 });
        await refused.cancel();
        expect(await limiter.peek("u")).toMatchObject({ allowed: false, remaining: 0 });
      });
    }
  });

  describe("limitAll", () => {
    for (const [name, make] of Object.entries(families)) {
      it(`${name}: takes nothing unless all pass, in one script`, async () => {
        const minute = limiterOf(make({ limit: 5, window: seconds(60) }));
        const day = limiterOf(slidingWindow({ limit: 7, window: seconds(86_400) }));
        const both = [
          { limiter: minute, id: "u" },
          { limiter: day, id: "u", cost: 2 },
        ];
        await limitAll(both);
        const counts = await backend.count(() => limitAll(both));
        expect(counts["evalsha"]).toBe(1);
        expect(await limitAll(both)).toMatchObject({ allowed: true, refusedBy: [], degraded: false });
        const refused = await limitAll(both);
        expect(refused).toMatchObject({ allowed: false, refusedBy: [1] });
        expect(refused.retryAfter).toBeGreaterThan(seconds(80_000));
        expect(refused.verdicts.map(({ remaining }) => remaining)).toEqual([2, 1]);
        expect((await minute.peek("u")).remaining).toBe(2);
      });
    }

    backend.it("is exact under 500 concurrent callers", async () => {
      const minute = limiterOf(gcra({ limit: 30, window: seconds(600) }));
      const day = limiterOf(fixedWindow({ limit: 10, window: seconds(86_400) }));
      const all = await Promise.all(
        Array.from({ length: 500 }, () => limitAll([minute, day].map((limiter) => ({ limiter, id: "u" })))),
      );
      expect(all.filter(({ allowed }) => allowed)).toHaveLength(10);
      expect((await minute.peek("u")).remaining).toBe(20);
    });

    it("counts a named call once", async () => {
      const limits = [gcra, slidingLog].map((make) => ({
        limiter: limiterOf(make({ limit: 5, window: 60_000 })),
        id: "u",
      }));
      await limitAll(limits, { requestId: "r" });
      await limitAll(limits, { requestId: "r" });
      for (const { limiter } of limits) expect((await limiter.peek("u")).remaining).toBe(4);
    });

    it("shares a slot by a group", async () => {
      const user = limiterOf(gcra({ limit: 2, window: 60_000 }));
      const team = limiterOf(slidingWindow({ limit: 3, window: 60_000 }));
      const as = (id: string) =>
        limitAll([
          { limiter: user, id, group: "team-1" },
          { limiter: team, id: "team-1" },
        ]);
      const answers = [await as("a"), await as("a"), await as("a"), await as("b"), await as("b")];
      expect(answers.map(({ refusedBy }) => refusedBy)).toEqual([[], [], [0], [], [1]]);
      expect((await user.peek("b", { group: "team-1" })).remaining).toBe(1);
      expect((await user.peek("b")).remaining).toBe(2);
    });

    it("says on a Cluster, before anything is sent, that ids without a group cannot be one script", async () => {
      const limits = ["a", "b"].map((id) => ({ limiter: limiterOf(gcra({ limit: 1, window: 60_000 })), id }));
      const counts = await backend.count(async () => {
        const error: unknown = await limitAll(limits).then(
          () => null,
          (error: unknown) => error,
        );
        expect(error instanceof OptionError).toBe(redis.masters !== undefined);
      });
      expect(counts["set"] ?? 0).toBe(redis.masters ? 0 : 2);
      expect(counts["evalsha"] ?? 0).toBe(redis.masters ? 0 : 1);
    });

    it("gives back what it took where the limits are not one script", async () => {
      const a = limiterOf(slidingLog({ limit: 5, window: 60_000 }));
      const b = limiterOf(fixedWindow({ limit: 1, window: 60_000 }));
      const limits = [
        { limiter: a, id: "a", cost: 2 },
        { limiter: b, id: "b" },
      ];
      expect(await limitAll(limits, { atomic: false })).toMatchObject({ allowed: true });
      expect(await limitAll(limits, { atomic: false })).toMatchObject({ allowed: false, refusedBy: [1] });
      expect((await a.peek("a")).remaining).toBe(3);
    });

    it.each([
      fixedWindow({ limit: 5, window: 60_000 }),
      slidingWindow({ limit: 5, window: 60_000 }),
      slidingLog({ limit: 5, window: 60_000 }),
      gcra({ limit: 7, window: 60_001 }),
    ])("gives back what a call took whose caller leaves before the answer: $kind", async (algorithm) => {
      const leaving = new AbortController();
      const send: Redis["send"] = async (command, { signal, ...options } = {}) => {
        const reply = await redis.send(command, options);
        if (command[0].startsWith("EVAL")) leaving.abort(new Error("left"));
        signal?.throwIfAborted();
        return reply;
      };
      const port = { ...redis, send };
      const limits = ["a", "b"].map((prefix) => ({
        limiter: createLimiter(port, {
          prefix: `${backend.prefix}:left:${algorithm.kind}:${prefix}`,
          algorithm,
          timeout: 60_000,
        }),
        id: "u",
      }));
      await expect(limitAll(limits, { group: "g", signal: leaving.signal })).rejects.toThrow("left");
      const free = async () => Promise.all(limits.map(({ limiter }) => limiter.peek("u", { group: "g" })));
      await until(async () => (await free()).every(({ remaining }) => remaining === algorithm.limit));
    });

    it("refuses a cost that can never pass and takes nothing", async () => {
      const limits = [1, 5].map((limit) => ({ limiter: limiterOf(gcra({ limit, window: 60_000 })), id: "u", cost: 2 }));
      expect(await limitAll(limits)).toMatchObject({ allowed: false, refusedBy: [0], retryAfter: Infinity });
      for (const { limiter } of limits) expect((await limiter.peek("u")).resetAfter).toBe(0);
    });

    it.each([
      fixedWindow({ limit: 5, window: 60_000 }),
      slidingWindow({ limit: 5, window: 60_000 }),
      slidingLog({ limit: 5, window: 60_000 }),
      gcra({ limit: 7, window: 60_001 }),
    ])("decides by 100 limits of $kind, and refuses more", async (algorithm) => {
      const limiter = limiterOf(algorithm);
      const limits = Array.from({ length: 101 }, (_, i) => ({ limiter, id: `u${i}` }));
      const all = await limitAll(limits.slice(1), { group: "g" });
      expect([all.allowed, all.degraded, all.verdicts.length]).toEqual([true, false, 100]);
      await expect(limitAll(limits, { group: "g" })).rejects.toThrow(/`limits` must have at most 100/);
      await expect(limitAll(limits, 5 as never)).rejects.toThrow(/`options`/);
    });

    it("refuses lists that cannot be right", async () => {
      const limiter = limiterOf(gcra({ limit: 1, window: 60_000 }));
      const held = limiterOf(concurrency({ limit: 1, lease: 1_000 }));
      await expect(limitAll([])).rejects.toThrow(OptionError);
      await expect(limitAll([limiter, limiter].map((limiter) => ({ limiter, id: "u" })))).rejects.toThrow(OptionError);
      await expect(limitAll([{ limiter: held, id: "u" }])).rejects.toThrow(OptionError);
      await expect(limitAll([{ limiter: { ...limiter }, id: "u" }])).rejects.toThrow(OptionError);
    });
  });

  describe("concurrency", () => {
    backend.it("lets exactly 10 of 500 concurrent callers in, and others when they leave", async () => {
      const limiter = limiterOf(concurrency({ limit: 10, lease: seconds(60) }));
      const slots = await Promise.all(Array.from({ length: 500 }, () => acquirePermit(limiter, "u")));
      const inside = slots.filter(({ allowed }) => allowed);
      expect(inside).toHaveLength(10);
      const refused = slots.find(({ allowed }) => !allowed);
      expect(refused).toMatchObject({ reason: "limit", remaining: 0 });
      expect(refused?.retryAfter).toBeGreaterThan(0);
      expect(refused?.retryAfter).toBeLessThanOrEqual(seconds(60));
      expect(await refused?.release()).toBe(false);
      expect(await inside[0]?.release()).toBe(true);
      expect(await inside[0]?.release()).toBe(false);
      expect((await acquirePermit(limiter, "u")).allowed).toBe(true);
      expect((await acquirePermit(limiter, "u")).allowed).toBe(false);
    });

    it("is one EVALSHA with the stated inner commands", async () => {
      const limiter = limiterOf(concurrency({ limit: 1, lease: seconds(60) }));
      const look = { evalsha: 1, time: 1, zremrangebyscore: 1, zcount: 1, pttl: 1 };
      const first = await acquirePermit(limiter, "warm");
      await first.release();
      const slot = { release: async () => false };
      const taken = await backend.count(async () => Object.assign(slot, await acquirePermit(limiter, "u")));
      expect(taken).toEqual({ ...look, zadd: 1, pexpire: 1 });
      expect(await backend.count(() => acquirePermit(limiter, "u"))).toEqual({ ...look, zscore: 1, zrange: 1 });
      expect(await backend.count(() => slot.release())).toEqual({ evalsha: 1, time: 1, zadd: 1 });
    });

    backend.it("does work by the units of a call, of which there are five thousand at most", async () => {
      expect(() => concurrency({ limit: 5_001, lease: seconds(60) })).toThrow(/`limit` of permits.*5000/);
      const { redis: port, runs } = measureScripts(redis);
      const algorithm = concurrency({ limit: 500, lease: seconds(60) });
      const limiter = createLimiter(port, { prefix: `${backend.prefix}:units`, algorithm, timeout: 60_000 });
      await (await acquirePermit(limiter, "u", { cost: 500 })).release();
      await limiter.block("u", seconds(60));
      expect(Math.max(...runs.map(({ rounds }) => rounds))).toBeLessThanOrEqual(501);
      expect(Math.max(...runs.map(({ commands }) => commands))).toBeLessThanOrEqual(501 + 10);
    });

    it("gives the place back at the end of a block", async () => {
      const limiter = limiterOf(concurrency({ limit: 2, lease: seconds(60) }));
      {
        await using slot = await acquirePermit(limiter, "u", { cost: 2 });
        expect(slot).toMatchObject({ allowed: true, remaining: 0 });
        expect((await acquirePermit(limiter, "u")).allowed).toBe(false);
      }
      expect((await limiter.peek("u", { cost: 2 })).allowed).toBe(true);
    });

    it("returns a crashed holder's place after its lease, and its late release frees nobody else's", async () => {
      const { clock, limiter } = turned(concurrency({ limit: 1, lease: seconds(60) }));
      const crashed = await acquirePermit(limiter, "u");
      const { retryAfter } = await acquirePermit(limiter, "u");
      expect(retryAfter).toBe(seconds(60));
      clock.now += retryAfter - 1;
      expect((await acquirePermit(limiter, "u")).allowed).toBe(false);
      clock.now += 1;
      const next = await acquirePermit(limiter, "u");
      expect(next.allowed).toBe(true);
      expect(await crashed.release()).toBe(false);
      expect((await limiter.peek("u")).allowed).toBe(false);
    });

    it("keeps a place whose lease is extended", async () => {
      const { clock, limiter } = turned(concurrency({ limit: 1, lease: seconds(60) }));
      const slot = await acquirePermit(limiter, "u");
      for (let i = 0; i < 3; i += 1) {
        clock.now += seconds(40);
        expect(await slot.extend()).toBe(true);
      }
      expect((await acquirePermit(limiter, "u")).allowed).toBe(false);
    });

    it("gives one name one permit while it is held, and refuses the name once it is given back", async () => {
      const limiter = limiterOf(concurrency({ limit: 1, lease: seconds(60) }));
      const named = { requestId: "r1" };
      const [first, again] = [await acquirePermit(limiter, "u", named), await acquirePermit(limiter, "u", named)];
      expect([first.allowed, again.allowed]).toEqual([true, true]);
      expect([first.remaining, again.remaining]).toEqual([0, 0]);
      expect((await acquirePermit(limiter, "u", { requestId: "r2" })).allowed).toBe(false);
      expect([await first.release(), await again.release()]).toEqual([true, true]);
      expect(await again.extend()).toBe(false);
      const after = await acquirePermit(limiter, "u", named);
      expect(after).toMatchObject({ allowed: false, reason: "blocked" });
      expect(after.retryAfter).toBeGreaterThan(0);
      expect(after.retryAfter).toBeLessThanOrEqual(seconds(60));
      expect(await limiter.peek("u")).toMatchObject({ allowed: true, remaining: 1, resetAfter: 0 });
      expect((await acquirePermit(limiter, "u", { requestId: "r2" })).allowed).toBe(true);
    });

    it.each<[string, unknown]>([
      ["options", 5],
      ["options", null],
      ["cost", { cost: null }],
      ["requestId", { requestId: null }],
      ["waitUntil", { waitUntil: null }],
    ])("refuses a wrong shape of `%s`: %j", async (name, options) => {
      const limiter = limiterOf(concurrency({ limit: 1, lease: seconds(60) }));
      const wrong = acquirePermit(limiter, "u", options as never);
      await expect(wrong).rejects.toMatchObject({ code: "OPTION", message: expect.stringContaining(`\`${name}\``) });
    });

    it("can be blocked, and refuses to refund", async () => {
      const limiter = limiterOf(concurrency({ limit: 3, lease: 1_000 }));
      await limiter.block("u", seconds(60));
      expect(await acquirePermit(limiter, "u")).toMatchObject({ allowed: false, reason: "blocked" });
      await expect(limiter.refund("u", 1)).rejects.toThrow(/released/);
      await expect(acquirePermit(limiterOf(gcra({ limit: 1, window: 1_000 })), "u")).rejects.toThrow(OptionError);
    });
  });

  describe("blockedIds", () => {
    it("repeats a refusal without a trip, only for the same cost, and counts it down", async () => {
      const limiter = limiterOf(gcra({ limit: 10, window: seconds(100) }), { blocked: blockedIds() });
      await limiter.limit("u", { cost: 8 });
      const refused = await limiter.limit("u", { cost: 5 });
      const counts = await backend.count(async () => {
        for (let i = 0; i < 20; i += 1) {
          const again = await limiter.limit("u", { cost: 5 });
          expect(again).toMatchObject({ allowed: false, reason: "limit", remaining: 2 });
          expect(again.retryAfter).toBeLessThanOrEqual(refused.retryAfter);
        }
      });
      expect(counts).toEqual({});
      expect(await allowedOf(limiter, 2)).toBe(true);
    });

    it("is cleared by this process's refund and reset, and asks again after its cap", async () => {
      const limiter = limiterOf(slidingWindow({ limit: 1, window: seconds(100) }), {
        blocked: blockedIds({ cap: 50 }),
      });
      await limiter.limit("u");
      expect(await allowedOf(limiter, 1)).toBe(false);
      await limiter.refund("u", 1);
      expect(await allowedOf(limiter, 1)).toBe(true);
      expect(await allowedOf(limiter, 1)).toBe(false);
      await limiter.reset("u");
      expect(await allowedOf(limiter, 1)).toBe(true);
      expect(await allowedOf(limiter, 1)).toBe(false);
      await sleep(60);
      expect(await backend.count(() => limiter.limit("u"))).toMatchObject({ evalsha: 1 });
    });

    backend.it("never refuses what Redis would allow", async () => {
      const blocked = blockedIds();
      const limiter = limiterOf(slidingLog({ limit: 3, window: 1_000 }), { blocked });
      for (let round = 0; round < 2; round += 1) {
        await limiter.limit("u", { cost: 3 });
        const { allowed, retryAfter } = await limiter.limit("u");
        expect(allowed).toBe(false);
        // A timer may fire a millisecond early.
        await sleep(retryAfter + 2);
        expect(await allowedOf(limiter, 3)).toBe(true);
        await limiter.reset("u");
      }
    });
  });

  describe("prefetch", () => {
    backend.it("@upstash/ratelimit 4: serves many calls from few draws, and never more than the limit", async () => {
      const algorithm = slidingWindow({ limit: 1_000, window: seconds(600) });
      const limiter = limiterOf(algorithm);
      const processes = Array.from({ length: 4 }, () => prefetch(limiter, { batch: 20, hold: seconds(60) }));
      let allowed = 0;
      const counts = await backend.count(async () => {
        for (let i = 0; i < 1_400; i += 1) {
          const verdict = await processes[i % 4]?.limit("u");
          allowed += verdict?.allowed ? 1 : 0;
        }
      });
      expect(allowed).toBe(1_000);
      // The refused ask each time; of the allowed, one in ten at most.
      expect(counts["evalsha"]).toBeLessThan(400 + 100 + 100);
      await Promise.all(processes.map((process) => process.close()));
    });

    backend.it("gives unused units back on close, and when the id is idle", async () => {
      const limiter = limiterOf(gcra({ limit: 1_000, window: seconds(10_000) }));
      const process = prefetch(limiter, { batch: 20, hold: seconds(60), idle: 1_000 });
      await process.limit("u");
      await process.limit("u");
      expect((await limiter.peek("u")).remaining).toBe(979);
      await process.close();
      expect((await limiter.peek("u")).remaining).toBe(998);
      await process.limit("u");
      await process.limit("u");
      expect((await limiter.peek("u")).remaining).toBe(977);
      await until(async () => (await limiter.peek("u")).remaining === 996);
    });

    it("does not serve units after their hold", async () => {
      const limiter = limiterOf(slidingLog({ limit: 500, window: seconds(100) }));
      const process = prefetch(limiter, { hold: 40, idle: 40 });
      await process.limit("u");
      await process.limit("u");
      await sleep(50);
      expect(await backend.count(() => process.limit("u"))).toMatchObject({ evalsha: expect.any(Number) as number });
      await process.close();
      await until(async () => (await limiter.peek("u")).remaining === 497);
    });

    it("takes costs, falls back to what is needed, and refuses as the limiter does", async () => {
      const limiter = limiterOf(fixedWindow({ limit: 30, window: seconds(100) }));
      const process = prefetch(limiter, { hold: seconds(60) });
      const costs = [1, 2, 3, 9, 14, 1, 1];
      const verdicts = [];
      for (const cost of costs) verdicts.push(await process.limit("u", { cost }));
      expect(verdicts.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, true, false]);
      await process.close();
      expect(() => prefetch(limiter, { hold: 10, idle: 20 })).toThrow(OptionError);
      expect(() => prefetch(limiterOf(concurrency({ limit: 1, lease: 10 })))).toThrow(OptionError);
    });
  });
});

/** Waits for what another call brings about. */
async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await done())) {
    expect(performance.now()).toBeLessThan(deadline);
    await sleep(5);
  }
}
