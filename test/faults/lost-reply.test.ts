import { expect, it } from "vitest";
import { ConnectionError } from "../../src/core/errors.ts";
import { integer } from "../../src/core/port/reply.ts";
import { defineScript } from "../../src/core/script/define-script.ts";
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
      outcomes.push(await redis.send(["INCR", key]).catch(fate));
    });
    const [executed, outcome] = { always: [2, 2], idempotent: [1, "unknown"] }[backend.resends];
    expect(counts["incr"]).toBe(executed);
    expect(outcomes).toEqual([outcome]);
  });

  it("counts once where the mutation carries a token", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const once = defineScript({
      keys: ["count", "seen"],
      args: ["request"],
      decode: integer,
      lua: `
        if redis.call("SADD", seen, request) == 1 then redis.call("INCR", count) end
        redis.call("PEXPIRE", seen, 60000)
        redis.call("PEXPIRE", count, 60000)
        return tonumber(redis.call("GET", count))`,
    });
    const keys = { count: `{${backend.prefix}}:count`, seen: `{${backend.prefix}}:seen` };
    expect(await once(redis, { ...keys, request: "first" })).toBe(1);
    proxy.cutReplies();
    const replies: number[] = [];
    const counts = await backend.count(async () => {
      replies.push(await once(redis, { ...keys, request: "second" }, { idempotent: true }));
    });
    expect(proxy.cuts).toBe(1);
    expect(counts["evalsha"]).toBe(2);
    expect(replies).toEqual([2]);
  });
});

function fate(error: unknown): unknown {
  if (error instanceof ConnectionError) return error.sent;
  throw error;
}
