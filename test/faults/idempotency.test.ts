import { expect, it } from "vitest";
import { createIdempotency } from "../../src/core/patterns/idempotency/index.ts";
import { onStandaloneBackends } from "../support/backends.ts";

onStandaloneBackends("an idempotent call whose replies are lost", (backend) => {
  it("runs its work once and stores its result once, though the server ran each script twice", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const idempotent = createIdempotency(redis, { ttl: 60_000, prefix: backend.prefix });
    await idempotent("warm", () => 1);
    let runs = 0;
    proxy.cutReplies();
    const results: unknown[] = [];
    const counts = await backend.count(async () => {
      results.push(
        await idempotent("order", () => {
          runs += 1;
          proxy.cutReplies();
          return "receipt";
        }),
      );
    });
    expect(proxy.cuts).toBe(2);
    expect(counts["evalsha"]).toBe(4);
    expect([results, runs]).toEqual([["receipt"], 1]);
    expect(await idempotent("order", () => "again")).toBe("receipt");
  });

  it("frees its key once after a failure", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const idempotent = createIdempotency(redis, { ttl: 60_000, prefix: backend.prefix });
    const failure = new Error("failed");
    const fail = () => Promise.reject(failure);
    await expect(idempotent("fails", fail)).rejects.toBe(failure);
    await expect(
      idempotent("fails", () => {
        proxy.cutReplies();
        return fail();
      }),
    ).rejects.toBe(failure);
    expect(proxy.cuts).toBe(1);
    expect(await idempotent("fails", () => "works")).toBe("works");
  });
});
