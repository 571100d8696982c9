import { beforeAll, expect, it } from "vitest";
import type { LimitAlgorithm } from "../../src/core/limiter/algorithm.ts";
import { blockedIds } from "../../src/core/limiter/blocked-ids.ts";
import { fixedWindow } from "../../src/core/limiter/fixed-window.ts";
import { gcra, tokenBucket } from "../../src/core/limiter/gcra.ts";
import { limitAll } from "../../src/core/limiter/limit-all.ts";
import { createLimiter } from "../../src/core/limiter/limiter.ts";
import { slidingWindow } from "../../src/core/limiter/sliding-window.ts";
import type { Redis } from "../../src/core/redis.ts";
import { integer } from "../../src/core/reply.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("faults of other limiters that this one must not have", (backend) => {
  let redis: Redis;
  let serial = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const limiterOf = (algorithm: LimitAlgorithm) => {
    serial += 1;
    const prefix = `${backend.prefix}${serial}`;
    return createLimiter(redis, { prefix, algorithm, timeout: 10_000, blocked: blockedIds() });
  };

  for (const make of [fixedWindow, slidingWindow, tokenBucket]) {
    it(`@upstash/ratelimit 2 and 3: a refused cost neither burns quota nor blocks a smaller one (${make.name})`, async () => {
      const limiter = limiterOf(make({ limit: 10, window: 100_000 }));
      await limiter.limit("u", { cost: 8 });
      expect((await limiter.limit("u", { cost: 5 })).allowed).toBe(false);
      expect(await limiter.limit("u")).toMatchObject({ allowed: true, remaining: 1 });
    });

    it(`rate-limiter-flexible 1: a window below a second expires (${make.name})`, async () => {
      const limiter = limiterOf(make({ limit: 1, window: 500 }));
      await limiter.limit("u");
      const [key = ""] = (await backend.keys()).filter((key) => key.startsWith(`${backend.prefix}${serial}:`));
      expect(integer(await redis.send(["PTTL", key]))).toBeLessThanOrEqual(500);
    });
  }

  it("@upstash/ratelimit 5: a reset of `user` or `*` resets nobody else", async () => {
    const limiter = limiterOf(gcra({ limit: 1, window: 100_000 }));
    for (const id of ["user", "user:1"]) await limiter.limit(id);
    await limiter.reset("*");
    await limiter.reset("user");
    expect((await limiter.limit("user:1")).allowed).toBe(false);
    expect((await limiter.limit("user")).allowed).toBe(true);
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
    const keys = (await backend.keys()).filter((key) => key.startsWith(`${backend.prefix}${serial}:`));
    expect(keys).toHaveLength(1);
    expect(integer(await redis.send(["PTTL", keys[0] ?? ""]))).toBeGreaterThan(0);
    expect((await limiter.limit("u", { cost: 1 })).remaining).toBe(0);
  });
});
