import { expect, it } from "vitest";
import { integer } from "../../src/core/reply.ts";
import { onStandaloneBackends } from "../support/backends.ts";

onStandaloneBackends("a lost reply", (backend) => {
  it("makes the client run a plain INCR twice, which is why every mutation of a pattern is replay-safe", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const key = `${backend.prefix}:n`;
    await redis.send(["SET", key, 0, "PX", 60_000]);
    proxy.cutReplies();
    const counts = await backend.count(() => redis.send(["INCR", key]));
    expect(proxy.cuts).toBe(1);
    expect(counts["incr"]).toBe(2);
    expect(integer(await redis.send(["GET", key]))).toBe(2);
  });
});
