// Faults that were measured in other limiters, by library and number. Those that show elsewhere bear the number there:
// @upstash/ratelimit 7 in limiter.test.ts; 4 (overshoot) and 14 in limiter-more.test.ts; 15 in limiter-properties.test.ts; 10 in
// test/faults/limiter.test.ts; 13 and 16 in test/unit/limiter.test.ts. rate-limiter-flexible 5 in test/faults/limiter-outage.test.ts; 6 in
// limiter-properties.test.ts. One cannot apply: @upstash/ratelimit 12, for there is one Redis and no copy of counts between regions.
import { beforeAll, expect, it } from "vitest";
import { ConnectionError } from "../../src/core/errors.ts";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/algorithm.ts";
import { blockedIds } from "../../src/core/patterns/limiter/local/blocked-ids.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra, tokenBucket } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { toHeaders } from "../../src/core/patterns/limiter/http/headers.ts";
import { limitAll } from "../../src/core/patterns/limiter/operations/limit-all.ts";
import { createLimiter } from "../../src/core/patterns/limiter/limiter.ts";
import type { LimiterOptions } from "../../src/core/patterns/limiter/options.ts";
import { slidingLog } from "../../src/core/patterns/limiter/algorithms/sliding-log.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("faults of other limiters that this one must not have", (backend) => {
  let redis: Redis;
  let serial = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const limiterOf = (algorithm: LimitAlgorithm, options: Partial<LimiterOptions> = {}) => {
    serial += 1;
    const prefix = `${backend.prefix}${serial}`;
    return createLimiter(redis, { prefix, algorithm, timeout: 60_000, blocked: blockedIds(), ...options });
  };
  const keysOfLast = async () =>
    (await backend.keys()).filter((key) => key.startsWith(`limiter:${backend.prefix}${serial}:`));
  /** A limiter whose Redis fails each time. */
  const failing = (options: Partial<LimiterOptions> = {}) => {
    const down = () => Promise.reject(new ConnectionError("down", false));
    const algorithm = fixedWindow({ limit: 10, window: 60_000 });
    return createLimiter({ send: down, pipeline: down }, { prefix: "x", algorithm, ...options });
  };

  for (const make of [fixedWindow, slidingWindow, slidingLog, tokenBucket]) {
    it(`@upstash/ratelimit 2 and 3, rate-limiter-flexible 2: a refused cost neither burns quota nor blocks a smaller one (${make.name})`, async () => {
      const limiter = limiterOf(make({ limit: 10, window: 100_000 }));
      await limiter.limit("u", { cost: 8 });
      expect((await limiter.limit("u", { cost: 5 })).allowed).toBe(false);
      expect(await limiter.limit("u")).toMatchObject({ allowed: true, remaining: 1 });
    });

    it(`@upstash/ratelimit 4, rate-limiter-flexible 1, Effect: one key, and it expires with its window (${make.name})`, async () => {
      const limiter = limiterOf(make({ limit: 1, window: 60_000 }));
      await limiter.limit("u");
      const [key = "", ...more] = await keysOfLast();
      expect(more).toEqual([]);
      const ttl = integer(await redis.send(["PTTL", key]));
      expect(ttl).toBeLessThanOrEqual(60_001);
      expect(ttl).toBeGreaterThan(0);
    });

    it(`@upstash/ratelimit 6: runs where the server does not know Upstash's script flag (${make.name})`, async () => {
      const limiter = createLimiter(
        { ...redis, scriptHeader: "#!lua flags=allow-key-locking" },
        { prefix: `${backend.prefix}flag${make.name}`, algorithm: make({ limit: 2, window: 60_000 }), timeout: 60_000 },
      );
      expect(await limiter.limit("u")).toMatchObject({ allowed: true, remaining: 1, degraded: false });
      expect(await limiter.limit("u")).toMatchObject({ allowed: true, remaining: 0, degraded: false });
    });

    it(`rate-limiter-flexible 4: another limiter or plan on the same client changes nothing of this one (${make.name})`, async () => {
      const strict = limiterOf(make({ limit: 1, window: 60_000 }));
      const prefix = `${backend.prefix}${serial}`;
      expect((await strict.limit("u")).allowed).toBe(true);
      const wide = createLimiter(redis, {
        prefix: `${prefix}w`,
        algorithm: make({ limit: 50, window: 60_000 }),
        timeout: 60_000,
      });
      expect((await wide.limit("u")).limit).toBe(50);
      expect(await strict.limit("u")).toMatchObject({ allowed: false, limit: 1 });
    });
  }

  for (const make of [slidingWindow, slidingLog]) {
    backend.it(
      `@upstash/ratelimit 1: a remembered refusal ends when a unit is free, not with the window (${make.name})`,
      async () => {
        const limiter = limiterOf(make({ limit: 10, window: 2_000 }), { blocked: blockedIds({ cap: 10_000 }) });
        await limiter.limit("u", { cost: 5 });
        await sleep(150);
        await limiter.limit("u", { cost: 5 });
        const { allowed, retryAfter, resetAfter } = await limiter.limit("u");
        expect(allowed).toBe(false);
        expect(resetAfter - retryAfter).toBeGreaterThan(100);
        // A timer may fire a millisecond early.
        await sleep(retryAfter + 2);
        expect((await limiter.limit("u")).allowed).toBe(true);
      },
    );
  }

  it("@upstash/ratelimit 5: a reset of `user` or `*` resets nobody else", async () => {
    const limiter = limiterOf(gcra({ limit: 1, window: 100_000 }));
    for (const id of ["user", "user:1"]) await limiter.limit(id);
    await limiter.reset("*");
    await limiter.reset("user");
    expect((await limiter.limit("user:1")).allowed).toBe(false);
    expect((await limiter.limit("user")).allowed).toBe(true);
  });

  it("@upstash/ratelimit 8: work that goes on after the answer never rejects", async () => {
    for (const onError of ["allow", "deny"] as const) {
      const verdict = await failing({ onError }).limit("u");
      await expect(verdict.pending).resolves.toBeUndefined();
    }
    await expect((await limiterOf(gcra({ limit: 1, window: 60_000 })).limit("u")).pending).resolves.toBeUndefined();
  });

  it("@upstash/ratelimit 9: a failure is answered by the policy, and makes no header of numbers that nobody knows", async () => {
    const verdict = await failing().limit("u");
    expect(verdict).toMatchObject({ allowed: true, degraded: true, limit: 10 });
    expect(toHeaders(verdict, { legacy: true })).toEqual({});
  });

  it("@upstash/ratelimit 11: who is blocked by one limiter is not blocked by another", async () => {
    const blocked = blockedIds();
    const first = limiterOf(gcra({ limit: 1, window: 60_000 }), { blocked });
    const second = limiterOf(gcra({ limit: 1, window: 60_000 }), { blocked });
    await first.limit("u");
    await first.block("u", 30_000);
    expect((await first.limit("u")).allowed).toBe(false);
    expect((await second.limit("u")).allowed).toBe(true);
  });

  it("rate-limiter-flexible 8: a refusal and an outage are both answers, and told apart", async () => {
    const limiter = limiterOf(gcra({ limit: 1, window: 60_000 }));
    await limiter.limit("u");
    expect(await limiter.limit("u")).toMatchObject({ allowed: false, reason: "limit", degraded: false });
    expect(await failing({ onError: "deny" }).limit("u")).toMatchObject({ reason: "outage", degraded: true });
    await expect(failing().refund("u", 1)).rejects.toBeInstanceOf(Error);
  });

  it("rate-limiter-flexible 9: what is left is not said to be everything when nobody knows", async () => {
    expect(await failing({ onError: "deny" }).peek("u")).toMatchObject({ remaining: 0, degraded: true });
    expect(await failing().peek("u")).toMatchObject({ degraded: true });
  });

  it("hono-rate-limiter: making a limiter sends nothing", async () => {
    expect(await backend.count(async () => limiterOf(slidingWindow({ limit: 1, window: 60_000 })))).toEqual({});
  });

  it("@fastify/rate-limit: who is forgotten locally for others' sake is still refused", async () => {
    const limiter = limiterOf(gcra({ limit: 1, window: 60_000 }), { blocked: blockedIds({ max: 1 }) });
    for (const id of ["a", "b", "a", "b"]) await limiter.limit(id);
    expect((await limiter.limit("a")).allowed).toBe(false);
  });

  it("rate-limiter-flexible 3: what one limit of several refuses, the others do not lose", async () => {
    const hour = limiterOf(fixedWindow({ limit: 100, window: 3_600_000 }));
    const strict = limiterOf(fixedWindow({ limit: 1, window: 3_600_000 }));
    const limits = [hour, strict].map((limiter) => ({ limiter, id: "u" }));
    for (let i = 0; i < 11; i += 1) await limitAll(limits);
    expect((await hour.peek("u")).remaining).toBe(99);
  });

  it("rate-limiter-flexible 7: a refund opens what was blocked locally", async () => {
    const limiter = limiterOf(slidingWindow({ limit: 1, window: 100_000 }));
    await limiter.limit("u");
    expect((await limiter.limit("u")).allowed).toBe(false);
    await limiter.refund("u", 1);
    expect((await limiter.limit("u")).allowed).toBe(true);
  });

  it("rate-limit-redis: a refund after the window leaves no key without a TTL", async () => {
    const limiter = limiterOf(fixedWindow({ limit: 1, window: 100_000 }));
    await limiter.refund("u", 1);
    const keys = await keysOfLast();
    expect(keys).toHaveLength(1);
    expect(integer(await redis.send(["PTTL", keys[0] ?? ""]))).toBeGreaterThan(0);
    expect((await limiter.limit("u", { cost: 1 })).remaining).toBe(0);
  });
});
