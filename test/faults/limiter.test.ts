import { expect, it } from "vitest";
import { seconds } from "../../src/core/time/duration.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra, tokenBucket } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { createLimiter } from "../../src/core/patterns/limiter/limiter.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import { onStandaloneBackends } from "../support/backends.ts";

const options = { limit: 10, window: seconds(100) };
const families = {
  fixedWindow: fixedWindow(options),
  slidingWindow: slidingWindow(options),
  gcra: gcra(options),
  tokenBucket: tokenBucket({ limit: 7, window: seconds(100), capacity: 10 }),
};

onStandaloneBackends("a limiter whose reply is lost", (backend) => {
  for (const [name, algorithm] of Object.entries(families)) {
    it(`${name}: counts a named call once although the server runs it twice`, async () => {
      const { redis, proxy } = await backend.connectThroughProxy();
      const limiter = createLimiter(redis, { prefix: `${backend.prefix}:${name}`, algorithm, timeout: 5_000 });
      await limiter.limit("u", { requestId: "r0" });
      proxy.cutReplies();
      const counts = await backend.count(async () => {
        const verdict = await limiter.limit("u", { cost: 3, requestId: "r1" });
        expect(verdict).toMatchObject({ allowed: true, degraded: false, remaining: 6 });
      });
      expect(proxy.cuts).toBe(1);
      expect(counts["evalsha"]).toBe(2);
      expect((await limiter.peek("u")).remaining).toBe(6);
    });
  }

  for (const name of ["fixedWindow", "slidingWindow", "tokenBucket"] as const) {
    it(`@upstash/ratelimit 10: ${name} counts an unnamed call once too, by the id that it carries at no cost`, async () => {
      const { redis, proxy } = await backend.connectThroughProxy();
      const prefix = `${backend.prefix}:${name}:unnamed`;
      const limiter = createLimiter(redis, { prefix, algorithm: families[name], timeout: 5_000 });
      await limiter.limit("u");
      proxy.cutReplies();
      const counts = await backend.count(() => limiter.limit("u", { cost: 3 }));
      expect(counts["evalsha"]).toBe(2);
      expect((await limiter.peek("u")).remaining).toBe(6);
    });
  }
});
