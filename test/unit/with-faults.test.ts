import { describe, expect, it, onTestFinished, vi } from "vitest";
import { memory } from "../../src/adapters/memory/index.ts";
import { ConnectionError, OptionError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import { createLock } from "../../src/core/patterns/lock/index.ts";
import { seconds } from "../../src/core/time/duration.ts";
import { type FaultOptions, withFaults } from "../../src/testing/index.ts";

function open(options?: FaultOptions, timeout?: number) {
  const redis = memory(timeout === undefined ? {} : { timeout });
  onTestFinished(redis.close);
  return withFaults(redis, options);
}

describe("withFaults", () => {
  it("loses a request, which Redis never sees", async () => {
    const redis = open();
    redis.loseRequest();
    await expect(redis.send(["INCR", "n"])).rejects.toMatchObject({ code: "CONNECTION", sent: "unknown" });
    expect(await redis.send(["INCR", "n"])).toBe(1);
  });

  it("loses a reply to what Redis has carried out", async () => {
    const redis = open();
    redis.loseReply(2);
    await expect(redis.send(["INCR", "n"])).rejects.toThrow(ConnectionError);
    await expect(
      redis.pipeline([
        ["INCR", "n"],
        ["INCR", "n"],
      ]),
    ).rejects.toThrow(ConnectionError);
    expect(await redis.send(["GET", "n"])).toBe("3");
  });

  it("delays a reply, up to the deadline of its caller", async () => {
    const redis = open({}, 100);
    redis.delayReply(30);
    const start = performance.now();
    expect(await redis.send(["INCR", "n"])).toBe(1);
    expect(performance.now() - start).toBeGreaterThan(25);
    redis.delayReply(10_000);
    await expect(redis.send(["INCR", "n"])).rejects.toThrow(TimeoutError);
    redis.delayReply(10_000);
    await expect(redis.send(["INCR", "n"], { timeout: 20 })).rejects.toMatchObject({ timeout: 20 });
    expect(await redis.send(["GET", "n"])).toBe("3");
  });

  it("runs a trip twice", async () => {
    const redis = open();
    redis.runTwice();
    expect(await redis.send(["INCR", "n"])).toBe(2);
    redis.runTwice();
    expect(await redis.transaction([["INCR", "n"]])).toEqual([4]);
  });

  it("refuses with an error of Redis, and runs nothing", async () => {
    const redis = open();
    redis.refuse("READONLY You can't write against a read only replica.");
    await expect(redis.send(["INCR", "n"])).rejects.toMatchObject({ code: "READONLY" });
    redis.refuse("OOM");
    await expect(redis.pipeline([["INCR", "n"]])).rejects.toThrow(ReplyError);
    expect(await redis.send(["GET", "n"])).toBeNull();
  });

  it("stops Redis, and lets it go on for those who still wait", async () => {
    const redis = open({}, 60);
    const resume = redis.pause();
    await expect(redis.send(["INCR", "n"])).rejects.toThrow(TimeoutError);
    const waiting = redis.send(["INCR", "n"]);
    resume();
    expect(await waiting).toBe(1);
    const controller = new AbortController();
    redis.pause();
    const left = redis.send(["INCR", "n"], { signal: controller.signal });
    controller.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    redis.pause()();
    expect(await redis.send(["GET", "n"])).toBe("1");
  });

  it("does what a function says, and tells it when the caller has left", async () => {
    const redis = open({}, 30);
    const aborted = vi.fn<() => void>();
    redis.next(async (run, signal) => {
      signal.addEventListener("abort", aborted);
      await run();
      return new Promise(() => {});
    });
    await expect(redis.send(["INCR", "n"])).rejects.toThrow(TimeoutError);
    expect(aborted).toHaveBeenCalledOnce();
    expect(await redis.send(["GET", "n"])).toBe("1");
  });

  it("keeps a fault for the trip that carries a script out", async () => {
    const redis = open();
    const unknown = ["EVALSHA", "0".repeat(40), 0] as const;
    redis.loseReply();
    await expect(redis.send(unknown)).rejects.toMatchObject({ code: "NOSCRIPT" });
    expect(await redis.pipeline([unknown])).toMatchObject([{ code: "NOSCRIPT" }]);
    await expect(redis.send(["INCR", "n"])).rejects.toThrow(ConnectionError);
    expect(await redis.send(["GET", "n"])).toBe("1");
  });

  it("is for some commands only, if it is told so", async () => {
    const redis = open({ only: ([name]) => name === "INCR" });
    redis.loseReply();
    expect(await redis.send(["SET", "k", "v"])).toBe("OK");
    await expect(
      redis.pipeline([
        ["GET", "k"],
        ["INCR", "n"],
      ]),
    ).rejects.toThrow(ConnectionError);
    expect(redis.counts()).toEqual({ trips: 1, answered: 0, commands: { SET: 1, GET: 1, INCR: 1 } });
  });

  it("counts, and forgets", async () => {
    const redis = open();
    await redis.send(["get", "k"]);
    await redis.pipeline([
      ["GET", "k"],
      ["SET", "k", "v"],
    ]);
    redis.loseReply(5);
    await redis.send(["GET", "k"]).catch(() => {});
    expect(redis.counts()).toEqual({ trips: 3, answered: 2, commands: { GET: 3, SET: 1 } });
    redis.reset();
    expect(await redis.send(["GET", "k"])).toBe("v");
    expect(redis.counts()).toEqual({ trips: 1, answered: 1, commands: { GET: 1 } });
  });

  it("keeps what else the port has", async () => {
    const redis = open();
    await redis.send(["SET", "k", "v", "EX", 10]);
    redis.advance(seconds(10));
    expect(await redis.send(["GET", "k"])).toBeNull();
    expect(redis.bytes).toBe(true);
  });

  it("says what is wrong with its arguments", () => {
    expect(() => withFaults({} as never)).toThrow("`redis` must be an adapter");
    expect(() => open({ only: "GET" as never })).toThrow("`only` must be a function");
    const redis = open();
    expect(() => redis.loseReply(0)).toThrow(OptionError);
    expect(() => redis.delayReply(-1)).toThrow("`ms`");
    expect(() => redis.refuse("")).toThrow("`error`");
    expect(() => redis.next("no" as never)).toThrow("`fault`");
  });

  it("shows that a lock whose reply was lost is held once", async () => {
    const redis = open();
    const locks = createLock(redis, { prefix: "job", ttl: seconds(10) });
    redis.loseReply();
    const lease = await locks.acquire("invoice:7", { wait: seconds(5) });
    await expect(locks.acquire("invoice:7", { wait: 0 })).rejects.toMatchObject({ code: "LOCK_BUSY" });
    await lease.release();
    expect(BigInt((await locks.acquire("invoice:7")).fence)).toBeGreaterThan(BigInt(lease.fence));
  });
});
