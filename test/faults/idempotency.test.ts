import { expect, it } from "vitest";
import { createIdempotency, IdempotencyNotStoredError } from "../../src/core/patterns/idempotency/index.ts";
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

  it("tells a caller whose claim is refused from one whose work ran, without memory, and runs no work twice", async () => {
    const { redis } = await backend.connectThroughProxy();
    const options = { ttl: 60_000, lease: 500, wait: 0, prefix: `${backend.prefix}:oom` };
    const types: string[] = [];
    const idempotent = createIdempotency(redis, { ...options, onEvent: ({ type }) => types.push(type) });
    const storing = createIdempotency(redis, { ...options, prefix: `${options.prefix}:f`, failures: "store" });
    const [server] = backend.servers;
    const limit = (bytes: number) => server?.send(["CONFIG", "SET", "maxmemory", bytes]);
    // The scripts are known before memory ends.
    await expect(idempotent("warm", () => 1n)).rejects.toThrow(IdempotencyNotStoredError);
    types.length = 0;
    try {
      const charge = async () => {
        await limit(1);
        return { receipt: 7 };
      };
      const ran = await idempotent("order", charge).catch((error: unknown) => error);
      expect(ran).toMatchObject({ code: "IDEMPOTENCY_NOT_STORED", marked: true, cause: { code: "OOM" } });
      expect(ran).toHaveProperty("result", { receipt: 7 });
      await expect(idempotent("other", charge)).rejects.toMatchObject({ code: "OOM" });
      await limit(0);
      const failing = () => limit(1)?.then(() => Promise.reject(new Error("declined")));
      await expect(storing("order", async () => failing())).rejects.toThrow("declined");
    } finally {
      await limit(0);
    }
    // Beyond the lease, and beyond the clock of another lease.
    await new Promise((resolve) => setTimeout(resolve, options.lease + 100));
    for (const redelivery of [idempotent, storing, createIdempotency(redis, { ...options, lease: 60_000 })]) {
      const again = redelivery("order", () => expect.unreachable("ran twice"));
      await expect(again).rejects.toMatchObject({ code: "IDEMPOTENCY_OUTCOME_LOST" });
    }
    expect(types).toEqual(["run", "not-stored"]);
  });

  it("stores the result after an outage that began while the work ran", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const idempotent = createIdempotency(redis, { ttl: 60_000, prefix: `${backend.prefix}:outage` });
    await idempotent("warm", () => 1);
    const work = async () => {
      proxy.cutReplies(3);
      return "receipt";
    };
    expect(await idempotent("order", work)).toBe("receipt");
    expect(await idempotent("order", () => "again")).toBe("receipt");
  });

  it("runs work once, also where the transport refuses its result", async () => {
    const { redis } = await backend.connectThroughProxy();
    const idempotent = createIdempotency(redis, { ttl: 60_000, wait: 0, prefix: `${backend.prefix}:big` });
    // HTTP takes 10 MB at most; over TCP, a command of that size would hold up the server.
    const text = "x".repeat((redis.distant ? 11 : 1) * 2 ** 20);
    const codeOf = (call: Promise<unknown>) =>
      call.then(
        (result) => result === text,
        ({ code }) => String(code),
      );
    const [first, later] = redis.distant ? ["IDEMPOTENCY_NOT_STORED", "IDEMPOTENCY_OUTCOME_LOST"] : [true, true];
    expect(await codeOf(idempotent("report", () => text))).toBe(first);
    expect(await codeOf(idempotent("report", () => expect.unreachable("ran twice")))).toBe(later);
  });
});
