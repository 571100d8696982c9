import { expect, it } from "vitest";
import { ConnectionError } from "../../src/core/errors.ts";
import { integer } from "../../src/core/reply.ts";
import { onStandaloneBackends } from "../support/backends.ts";

onStandaloneBackends("a lost reply", (backend) => {
  it("makes the client run a command twice, which is why every mutation of a pattern is replay-safe", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const key = `${backend.prefix}:n`;
    await redis.send(["SET", key, 0, "PX", 60_000]);
    proxy.cutReplies();
    const counts = await backend.count(() => redis.send(["INCR", key], { idempotent: true }));
    expect(proxy.cuts).toBe(1);
    expect(counts["incr"]).toBe(2);
    expect(integer(await redis.send(["GET", key]))).toBe(2);
  });

  it("is reported as unknown, or the command runs again, as the client promises for what is not idempotent", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const key = `${backend.prefix}:plain`;
    await redis.send(["SET", key, 0, "PX", 60_000]);
    proxy.cutReplies();
    const outcomes: unknown[] = [];
    const counts = await backend.count(async () => {
      outcomes.push(await redis.send(["INCR", key]).catch((error: unknown) => error));
    });
    const twice = backend.resends === "always";
    expect(counts["incr"]).toBe(twice ? 2 : 1);
    expect(outcomes).toEqual(twice ? [2] : [expect.any(ConnectionError)]);
    if (!twice) expect(outcomes).toMatchObject([{ sent: "unknown" }]);
  });
});
