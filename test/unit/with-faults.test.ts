import { describe, expect, it, onTestFinished, vi } from "vitest";
import { memory } from "../../src/adapters/memory/index.ts";
import { ConnectionError, OptionError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import { codeOf } from "../../src/core/failure.ts";
import { createLock } from "../../src/core/patterns/lock/index.ts";
import type { Redis, SendOptions } from "../../src/core/port/redis.ts";
import { orThrow } from "../../src/core/port/reply.ts";
import { seconds } from "../../src/core/time/duration.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type FaultOptions, type Faults, withFaults } from "../../src/testing/index.ts";

function open(options?: FaultOptions, timeout?: number) {
  const redis = memory(timeout === undefined ? {} : { timeout });
  onTestFinished(redis.close);
  return withFaults(redis, options);
}

type Trip = (redis: Redis, options?: SendOptions) => Promise<unknown>;

/** The ways of a trip that adds one to `n`. */
const ways: readonly (readonly [name: string, trip: Trip])[] = [
  ["send", (redis, options) => redis.send(["INCR", "n"], options)],
  ["pipeline", async (redis, options) => orThrow((await redis.pipeline([["INCR", "n"]], options))[0] ?? null)],
  ["transaction", async (redis, options) => (await redis.transaction?.([["INCR", "n"]], options))?.[0]],
];

/** What may happen to a trip, what its caller hears, and how often it runs. */
const fates: Readonly<Record<string, { fault(redis: Faults, times?: number): void; heard: unknown; ran: number }>> = {
  loseRequest: { fault: (redis, times) => redis.loseRequest(times), heard: "CONNECTION unknown", ran: 0 },
  loseReply: { fault: (redis, times) => redis.loseReply(times), heard: "CONNECTION unknown", ran: 1 },
  delayReply: { fault: (redis, times) => redis.delayReply(1, times), heard: 1, ran: 1 },
  "delayReply of nothing": { fault: (redis, times) => redis.delayReply(0, times), heard: 1, ran: 1 },
  runTwice: { fault: (redis, times) => redis.runTwice(times), heard: 2, ran: 2 },
  refuse: { fault: (redis, times) => redis.refuse("READONLY", times), heard: "READONLY", ran: 0 },
  next: { fault: (redis, times) => addThree(redis, times), heard: 3, ran: 3 },
};

function addThree(redis: Faults, times = 1): void {
  for (let i = 0; i < times; i += 1) redis.next((run) => run().then(run).then(run));
}

/** The reply, or the words for a failure. */
function outcomeOf(trip: Promise<unknown>): Promise<unknown> {
  return trip.catch((error: unknown) =>
    [codeOf(error), Reflect.get(Object(error), "sent")].filter((word) => word !== undefined).join(" "),
  );
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

  it("delays as many replies as it is said, and by no timer for a caller that has gone", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const redis = withFaults<Redis>({ send: async () => 1, pipeline: async () => [1], timeout: 100 });
    const heard = vi.fn<(reply: unknown) => void>();
    redis.delayReply(50, 2);
    for (const trips of [1, 2]) {
      void redis.send(["INCR", "n"]).then(heard);
      await vi.advanceTimersByTimeAsync(49);
      expect(heard).toHaveBeenCalledTimes(trips - 1);
      await vi.advanceTimersByTimeAsync(1);
      expect(heard).toHaveBeenCalledTimes(trips);
    }
    redis.delayReply(10_000);
    const late = outcomeOf(redis.send(["INCR", "n"]));
    await vi.advanceTimersByTimeAsync(101);
    expect(await late).toBe("TIMEOUT unknown");
    expect(vi.getTimerCount()).toBe(0);
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
    redis.refuse("OOM", 2);
    // Redis answers each command of a pipeline.
    const both = [
      ["INCR", "n"],
      ["GET", "n"],
    ] as const;
    expect(await redis.pipeline(both)).toEqual([expect.any(ReplyError), expect.objectContaining({ code: "OOM" })]);
    await expect(redis.transaction(both)).rejects.toMatchObject({ code: "OOM" });
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

  describe.each(ways)("meets a trip by %s", (_, trip) => {
    it.each(Object.entries(fates))("with %s, once", async (_, { fault, heard, ran }) => {
      const redis = open();
      fault(redis);
      expect(await outcomeOf(trip(redis))).toEqual(heard);
      expect(await redis.send(["GET", "n"])).toBe(ran === 0 ? null : String(ran));
      expect(await outcomeOf(trip(redis))).toBe(ran + 1);
    });

    it.each(Object.entries(fates))("with %s, as often as it is said", async (_, { fault, ran }) => {
      const redis = open();
      fault(redis, 2);
      for (let i = 0; i < 3; i += 1) await outcomeOf(trip(redis));
      expect(await redis.send(["GET", "n"])).toBe(String(2 * ran + 1));
    });

    it("whose caller leaves, and lets what it sent arrive later", async () => {
      const redis = open();
      const controller = new AbortController();
      const request = redis.holdRequest();
      const leaving = trip(redis, { signal: controller.signal });
      await request.reached;
      controller.abort(new Error("left"));
      await expect(leaving).rejects.toThrow("left");
      expect(await redis.send(["GET", "n"])).toBeNull();
      await request.arrive();
      expect(await redis.send(["GET", "n"])).toBe("1");
      await request.arrive();
      expect(await redis.send(["GET", "n"])).toBe("2");
    });

    it("whose caller leaves after Redis has carried it out", async () => {
      const redis = open();
      const controller = new AbortController();
      const reply = redis.holdReply();
      const leaving = trip(redis, { signal: controller.signal });
      await reply.reached;
      controller.abort(new Error("left"));
      await expect(leaving).rejects.toThrow("left");
      await reply.arrive();
      expect(await redis.send(["GET", "n"])).toBe("1");
    });

    it("whose caller had left before, which meets no fault and is not counted", async () => {
      const redis = open();
      redis.loseReply();
      await expect(trip(redis, { signal: AbortSignal.abort(new Error("left")) })).rejects.toThrow("left");
      expect(redis.counts()).toEqual({ trips: 0, answered: 0, commands: {} });
      expect(await outcomeOf(trip(redis))).toBe("CONNECTION unknown");
    });

    it("that waits while Redis stands still, and not for those who left", async () => {
      const redis = open();
      const resume = redis.pause();
      const controller = new AbortController();
      const leaving = trip(redis, { signal: controller.signal });
      const late = trip(redis, { timeout: 20 });
      const staying = trip(redis);
      controller.abort(new Error("left"));
      await expect(leaving).rejects.toThrow("left");
      await expect(late).rejects.toMatchObject({ code: "TIMEOUT", timeout: 20 });
      resume();
      expect(await outcomeOf(staying)).toBe(1);
      expect(redis.counts()).toMatchObject({ trips: 3, answered: 1 });
    });
  });

  it("holds a trip, and its caller waits", async () => {
    const redis = open({}, 100);
    const request = redis.holdRequest();
    await expect(request.arrive()).rejects.toThrow("No trip is held yet");
    const waiting = redis.send(["INCR", "n"]);
    await request.reached;
    expect(await redis.send(["GET", "n"])).toBeNull();
    expect([await request.arrive(), await waiting]).toEqual([1, 1]);
    const reply = redis.holdReply();
    const heard = vi.fn<() => void>();
    const told = redis.send(["INCR", "n"]).then(heard);
    await reply.reached;
    expect(await redis.send(["GET", "n"])).toBe("2");
    expect(heard).not.toHaveBeenCalled();
    expect(await reply.arrive()).toBe(2);
    await told;
    expect(heard).toHaveBeenCalledWith(2);
    redis.holdRequest();
    await expect(redis.send(["INCR", "n"])).rejects.toThrow(TimeoutError);
  });

  it("keeps faults in their order until a trip comes, and forgets those that none has met", async () => {
    const redis = open();
    redis.loseRequest();
    redis.refuse("OOM", 2);
    redis.runTwice();
    const seen = [];
    for (let i = 0; i < 5; i += 1) seen.push(await outcomeOf(redis.send(["INCR", "n"])));
    expect(seen).toEqual(["CONNECTION unknown", "OOM", "OOM", 2, 3]);
    redis.loseReply(100);
    redis.reset();
    expect(await redis.send(["INCR", "n"])).toBe(4);
  });

  it("gives each of several trips at once a fault of its own", async () => {
    const redis = open();
    redis.loseReply();
    redis.refuse("OOM");
    const trips = Array.from({ length: 3 }, () => outcomeOf(redis.send(["INCR", "n"])));
    expect(await Promise.all(trips)).toEqual(["CONNECTION unknown", "OOM", 2]);
  });

  it("stands still until it is let go, however often it was stopped", async () => {
    const redis = open();
    const resume = redis.pause();
    const again = redis.pause();
    const waiting = redis.send(["INCR", "n"]);
    resume();
    expect(await waiting).toBe(1);
    const later = redis.pause();
    // Of a stop that is over.
    again();
    await expect(redis.send(["INCR", "n"], { timeout: 20 })).rejects.toThrow(TimeoutError);
    later();
    redis.pause();
    redis.reset();
    expect(await redis.send(["INCR", "n"])).toBe(2);
  });

  it("stops a trip again that was about to go on", async () => {
    const redis = open();
    const resume = redis.pause();
    const waiting = redis.send(["INCR", "n"], { timeout: 30 });
    resume();
    redis.pause();
    await expect(waiting).rejects.toThrow(TimeoutError);
    redis.reset();
    expect(await redis.send(["GET", "n"])).toBeNull();
  });

  it("breaks the masters of a Cluster as the Cluster, and gives no port what it has not", async () => {
    const master = memory();
    const { transaction, ...port } = memory();
    onTestFinished(() => Promise.all([master.close(), port.close()]).then(() => {}));
    expect(transaction).toBeTypeOf("function");
    const redis = withFaults({ ...port, masters: async () => [master] });
    expect("transaction" in redis).toBe(false);
    expect("masters" in withFaults(master)).toBe(false);
    const [wrapped] = await redis.masters();
    redis.loseReply(2);
    await expect(wrapped?.send(["INCR", "n"])).rejects.toThrow(ConnectionError);
    await expect(redis.send(["INCR", "n"])).rejects.toThrow(ConnectionError);
    expect(await wrapped?.send(["GET", "n"])).toBe("1");
    expect(redis.counts()).toEqual({ trips: 3, answered: 1, commands: { INCR: 2, GET: 1 } });
    const resume = redis.pause();
    await expect(wrapped?.send(["GET", "n"], { timeout: 20 })).rejects.toThrow(TimeoutError);
    resume();
  });

  it("lets a function that throws, or that knows no promises, decide", async () => {
    const redis = open();
    redis.next(() => {
      throw new Error("broken");
    });
    await expect(redis.send(["INCR", "n"])).rejects.toThrow("broken");
    redis.next((() => 7) as never);
    expect(await redis.send(["INCR", "n"])).toBe(7);
    redis.next(() => Promise.reject(new ReplyError("NOPERM no")));
    expect(await redis.pipeline([["INCR", "n"]])).toMatchObject([{ code: "NOPERM" }]);
    expect(await redis.send(["GET", "n"])).toBeNull();
  });

  it("keeps a fault for the trip that carries a script out", async () => {
    const redis = open();
    const unknown = ["EVALSHA", "0".repeat(40), 0] as const;
    redis.loseReply();
    await expect(redis.send(unknown)).rejects.toMatchObject({ code: "NOSCRIPT" });
    expect(await redis.pipeline([unknown])).toMatchObject([{ code: "NOSCRIPT" }]);
    await expect(redis.send(["INCR", "n"])).rejects.toThrow(ConnectionError);
    expect(await redis.send(["GET", "n"])).toBe("1");
    redis.runTwice();
    expect(await redis.pipeline([["INCR", "m"], unknown])).toMatchObject([1, { code: "NOSCRIPT" }]);
    expect(await redis.send(["INCR", "m"])).toBe(3);
    const request = redis.holdRequest();
    const waiting = redis.send(unknown);
    await request.reached;
    await expect(request.arrive()).rejects.toMatchObject({ code: "NOSCRIPT" });
    await expect(waiting).rejects.toMatchObject({ code: "NOSCRIPT" });
    const text = redis.send(["EVAL", "return 7", 0]);
    expect(await Promise.race([text, sleep(20)])).toBeUndefined();
    expect([await request.arrive(), await text]).toEqual([7, 7]);
    expect(await redis.send(["EVAL", "return 8", 0])).toBe(8);
  });

  it("keeps the order of faults when a script was not known, and none for a trip that is over", async () => {
    const redis = open();
    const unknown = ["EVALSHA", "0".repeat(40), 0] as const;
    redis.loseReply();
    redis.refuse("OOM");
    await expect(redis.send(unknown)).rejects.toMatchObject({ code: "NOSCRIPT" });
    expect(await outcomeOf(redis.send(["INCR", "n"]))).toBe("CONNECTION unknown");
    expect(await outcomeOf(redis.send(["INCR", "n"]))).toBe("OOM");
    const controller = new AbortController();
    const request = redis.holdRequest();
    const leaving = redis.send(unknown, { signal: controller.signal });
    await request.reached;
    controller.abort(new Error("left"));
    await expect(leaving).rejects.toThrow("left");
    await expect(request.arrive()).rejects.toMatchObject({ code: "NOSCRIPT" });
    let copy = (): Promise<unknown> => Promise.resolve();
    redis.next((run) => {
      copy = run;
      return Promise.reject(new Error("lost"));
    });
    await expect(redis.send(unknown)).rejects.toThrow("lost");
    await expect(copy()).rejects.toMatchObject({ code: "NOSCRIPT" });
    expect(await redis.send(["INCR", "n"])).toBe(2);
  });

  it("keeps a transaction whole", async () => {
    const redis = open();
    await expect(redis.transaction([["INCR", "n"], ["NOPE"]])).rejects.toThrow("unknown command");
    expect(await redis.send(["GET", "n"])).toBeNull();
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
    redis.loseReply(1);
    await redis.send(["GET", "k"]).catch(() => {});
    expect(redis.counts()).toEqual({ trips: 3, answered: 2, commands: { GET: 3, SET: 1 } });
    const before = redis.counts();
    await redis.send(["GET", "k"]);
    expect(before.commands).toEqual({ GET: 3, SET: 1 });
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
