import { createConnection } from "node:net";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { memory, type MemoryCommand } from "../../src/adapters/memory/index.ts";
import { ConnectionError, OptionError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import { createLock } from "../../src/core/patterns/lock/index.ts";
import { hours, seconds } from "../../src/core/time/duration.ts";

function open(options?: Parameters<typeof memory>[0]) {
  const redis = memory(options);
  onTestFinished(redis.close);
  return redis;
}

function connect(port: number) {
  const client = new Redis({ port, maxRetriesPerRequest: 0 });
  onTestFinished(() => client.disconnect());
  return client;
}

const takesNumber = "return string.format('%d', tonumber(ARGV[1]))";

describe("memory", () => {
  it("keeps what it is told, and forgets it when it is flushed", async () => {
    const redis = open();
    expect(await redis.send(["SET", "k", "é\u0000漢"])).toBe("OK");
    expect(await redis.send(["GET", "k"])).toBe("é\u0000漢");
    expect(
      await redis.pipeline([
        ["INCR", "n"],
        ["LPUSH", "n", "x"],
        ["INCR", "n"],
      ]),
    ).toEqual([1, expect.any(ReplyError), 2]);
    redis.flush();
    expect(await redis.send(["DBSIZE"])).toBe(0);
  });

  it("is another Redis each time", async () => {
    const [one, other] = [open(), open()];
    await one.send(["SET", "k", "v"]);
    one.advance(hours(1));
    expect(await other.send(["GET", "k"])).toBeNull();
    const [[mine], [theirs]] = (await Promise.all([one.send(["TIME"]), other.send(["TIME"])])) as [string[], string[]];
    expect(Number(mine) - Number(theirs)).toBeGreaterThanOrEqual(3_599);
  });

  it("starts nothing before the first command", async () => {
    const setTimeouts = vi.spyOn(globalThis, "setTimeout");
    const redis = memory();
    redis.advance(1_000);
    redis.flush();
    await redis.close();
    expect(setTimeouts).not.toHaveBeenCalled();
    setTimeouts.mockRestore();
  });

  it("carries bytes", async () => {
    const redis = open();
    const bytes = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    await redis.send(["SET", "b", bytes], { bytes: true });
    expect(await redis.send(["GET", "b"], { bytes: true })).toBe(bytes);
    expect(await redis.send(["STRLEN", "b"])).toBe(256);
    await redis.send(["SET", "n", "9007199254740993"]);
    expect(await redis.send(["INCR", "n"])).toBe("9007199254740994");
    expect(await redis.send(["INCR", "n"], { bytes: true })).toBe(9007199254740995n);
  });

  it("runs a transaction as a whole, or not at all", async () => {
    const redis = open();
    expect(
      await redis.transaction([
        ["SET", "k", "1"],
        ["INCR", "k"],
      ]),
    ).toEqual(["OK", 2]);
    await expect(redis.transaction([["SET", "k", "5"], ["NOPE"]])).rejects.toThrow("unknown command 'NOPE'");
    expect(await redis.send(["GET", "k"])).toBe("2");
    expect(await redis.transaction([])).toEqual([]);
  });

  it("refuses in Redis' words what it does not know, and says what needs a connection", async () => {
    const redis = open();
    await expect(redis.send(["LCS", "a", "b"])).rejects.toMatchObject({
      code: "ERR",
      message: "ERR unknown command 'LCS'",
    });
    for (const command of ["SELECT 1", "MULTI", "WATCH k", "SUBSCRIBE c", "MONITOR", "CLIENT REPLY OFF"]) {
      const [name = "", ...args] = command.split(" ");
      await expect(redis.send([name, ...args]), command).rejects.toThrow(/needs a connection of its own|unknown|not/i);
    }
    await expect(redis.send(["SET", "k", undefined as never])).rejects.toThrow(OptionError);
  });
});

describe("the clock of memory", () => {
  it("moves what expires", async () => {
    const redis = open();
    await redis.send(["SET", "k", "v", "PX", 1_000]);
    redis.advance(900);
    expect(await redis.send(["GET", "k"])).toBe("v");
    redis.advance(100);
    expect(await redis.send(["GET", "k"])).toBeNull();
    await redis.send(["SET", "other", "v", "EX", 10]);
    redis.advance(seconds(10));
    expect(await redis.send(["DBSIZE"])).toBe(0);
  });

  it("never tells the same time twice, and stands still inside a script", async () => {
    const redis = open();
    const times = await redis.pipeline(Array.from({ length: 500 }, () => ["TIME"] as const));
    const texts = times.map((time) => (time as string[]).map((part) => part.padStart(6, "0")).join(""));
    expect(new Set(texts).size).toBe(500);
    expect([...texts].sort()).toEqual(texts);
    const script = `
      redis.call('SET', KEYS[1], '1', 'PX', 2)
      local sum = 0
      for i = 1, 500000 do sum = sum + i end
      return redis.call('EXISTS', KEYS[1])`;
    expect(await redis.send(["EVAL", script, 1, "k"])).toBe(1);
  });

  it("goes with fake timers", async () => {
    const redis = open();
    const locks = createLock(redis, { prefix: "job", ttl: seconds(10) });
    await redis.send(["PING"]);
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const lease = await locks.acquire("report");
    await vi.advanceTimersByTimeAsync(seconds(10));
    expect(lease.signal.aborted).toBe(true);
    expect(BigInt((await locks.acquire("report")).fence)).toBeGreaterThan(BigInt(lease.fence));
  });

  it("takes a limit through 24 hours in a moment", async () => {
    const redis = open();
    const limiter = createLimiter(redis, { prefix: "day", algorithm: fixedWindow({ limit: 10, window: hours(24) }) });
    let allowed = 0;
    for (let minute = 0; minute < 24 * 60; minute += 10) {
      for (let i = 0; i < 2; i += 1) if ((await limiter.limit("ada")).allowed) allowed += 1;
      redis.advance(600_000);
    }
    expect([10, 20]).toContain(allowed);
  });

  it("goes as far as its microseconds are exact", async () => {
    const redis = open();
    redis.advance(hours(24) * 365 * 170);
    const times = await redis.pipeline([["TIME"], ["TIME"]]);
    expect(times[0]).not.toEqual(times[1]);
    expect(() => redis.advance(hours(24) * 365 * 10)).toThrow("beyond the year 2200");
    expect(() => redis.advance(Number.MAX_SAFE_INTEGER)).toThrow(OptionError);
  });

  it("goes forward only", () => {
    expect(() => open().advance(-1)).toThrow(OptionError);
    expect(() => open().advance(Number.NaN)).toThrow(OptionError);
  });
});

describe("the deadlines of memory", () => {
  it("end what waits, which then takes nothing", async () => {
    const redis = open({ timeout: 50 });
    await expect(redis.send(["BLPOP", "q", 0])).rejects.toThrow(TimeoutError);
    const controller = new AbortController();
    const waiting = redis.send(["BLPOP", "q", 0], { signal: controller.signal });
    controller.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    await redis.send(["RPUSH", "q", "x"]);
    expect(await redis.send(["LLEN", "q"])).toBe(1);
  });

  it("send nothing for a caller that left before", async () => {
    const redis = open();
    await expect(redis.send(["INCR", "n"], { signal: AbortSignal.abort(new Error("left")) })).rejects.toThrow("left");
    expect(await redis.send(["GET", "n"])).toBeNull();
  });

  it("let others go on while one waits", async () => {
    const redis = open();
    const waiting = redis.send(["BLPOP", "q", 1]);
    await redis.send(["RPUSH", "q", "x"]);
    expect(await waiting).toEqual(["q", "x"]);
  });

  it("reject what is asked of a closed one", async () => {
    const redis = memory();
    await redis.send(["PING"]);
    await redis.close();
    await redis.close();
    await expect(redis.send(["PING"])).rejects.toMatchObject({ code: "CONNECTION", sent: false });
    await expect(redis.subscribe("c", () => {})).rejects.toThrow(ConnectionError);
  });
});

describe("the channels of memory", () => {
  it("deliver messages, also those that scripts and other clients publish", async () => {
    const redis = open();
    const heard: string[] = [];
    const stop = await redis.subscribe("news", (message) => heard.push(message));
    await redis.send(["PUBLISH", "news", "one"]);
    await redis.send(["EVAL", "return redis.call('PUBLISH', 'news', 'two')", 0]);
    const { port } = await redis.listen();
    await connect(port).publish("news", "three");
    await vi.waitFor(() => expect(heard).toEqual(["one", "two", "three"]));
    await stop();
    await stop();
    expect(await redis.send(["PUBLISH", "news", "four"])).toBe(0);
  });
});

describe("memory over TCP", () => {
  it("serves ioredis on this machine alone", async () => {
    const redis = open();
    const { host, port, url } = await redis.listen();
    expect({ host, url }).toEqual({ host: "127.0.0.1", url: `redis://127.0.0.1:${port}` });
    const client = connect(port);
    await client.set("k", "v");
    expect(await redis.send(["GET", "k"])).toBe("v");
    const replies = await client.multi().incr("n").incr("n").exec();
    expect(replies?.map(([, reply]) => reply)).toEqual([1, 2]);
    const subscriber = connect(port);
    const heard = new Promise((resolve) => subscriber.on("message", (...message) => resolve(message)));
    await subscriber.subscribe("c");
    await redis.send(["PUBLISH", "c", "hello"]);
    expect(await heard).toEqual(["c", "hello"]);
  });

  it("does not take for a client that has left", async () => {
    const redis = open();
    const { port } = await redis.listen();
    const socket = createConnection(port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    socket.write("*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n0\r\n");
    await vi.waitFor(async () => expect(await redis.send(["CLIENT", "LIST"])).toContain("cmd="));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await redis.send(["RPUSH", "q", "x"]);
    expect(await redis.send(["LLEN", "q"])).toBe(1);
  });

  it("says that a port is in use, and lets it go when it is closed", async () => {
    const [one, other] = [open(), open()];
    const { port, close } = await one.listen();
    await expect(other.listen({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await close();
    expect((await other.listen({ port })).port).toBe(port);
    await expect(one.listen({ port: -1 })).rejects.toThrow("`port`");
  });

  it("keeps its word for exact numbers over TCP, too", async () => {
    const redis = open();
    const { port } = await redis.listen();
    expect(await connect(port).eval(takesNumber, 0, "1795722565954")).toBe("1795722565954");
  });
});

describe("what memory tells of", () => {
  it("fails nothing, if who is told throws", async () => {
    const onCommand = vi.fn<() => void>(() => {
      throw new Error("mine");
    });
    const redis = open({ onCommand });
    expect(await redis.send(["INCR", "n"])).toBe(1);
    expect(onCommand).toHaveBeenCalledOnce();
  });

  afterEach(() => vi.restoreAllMocks());

  it("each command of a client, with its keys and its error", async () => {
    const events: MemoryCommand[] = [];
    const redis = open({ onCommand: (event) => events.push(event) });
    await redis.send(["set", "k", "v"]);
    await redis.send(["LPUSH", "k", "v"]).catch(() => {});
    await redis.send(["EVAL", "return redis.call('GET', KEYS[1])", 1, "k"]);
    await redis.send(["NOPE"]).catch(() => {});
    expect(events.map(({ command, keys, error }) => [command, keys, error?.split(" ")[0]])).toEqual([
      ["SET", ["k"], undefined],
      ["LPUSH", ["k"], "WRONGTYPE"],
      ["EVAL", ["k"], undefined],
      ["NOPE", [], "ERR"],
    ]);
    expect(events.every(({ duration }) => duration >= 0 && duration < 1_000)).toBe(true);
  });
});
