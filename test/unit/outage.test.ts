import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConnectionError, OptionError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import { type Failure, failureOf } from "../../src/core/failure.ts";
import { createBreaker } from "../../src/core/outage/breaker.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import type { Redis, Reply, SendOptions } from "../../src/core/port/redis.ts";
import { startDeadline } from "../../src/core/time/deadline.ts";
import { portFor } from "../../src/core/wait/ask-again.ts";

/** Errors as servers write them, with the code and the kind that each has. */
const texts: readonly (readonly [text: string, code: string, failure: Failure])[] = [
  ["WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE", "mistake"],
  [
    "ERR Error running script (call to f_f793): @user_script:1: WRONGTYPE Operation against a key",
    "WRONGTYPE",
    "mistake",
  ],
  [
    "ERR Error running script (call to f_922f): @user_script:1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory'.",
    "OOM",
    "outage",
  ],
  [
    "ERR Error running script (call to f_922f): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.",
    "READONLY",
    "passing",
  ],
  [
    "ERR Error running script (call to f_4af6): @user_script:1: @user_script: 1: The user executing the script can't access at least one of the keys mentioned in the command arguments",
    "NOPERM",
    "mistake",
  ],
  [
    "ERR ACL failure in script: User bob has no permissions to run the 'incr' command script: f793, on @user_script:1.",
    "NOPERM",
    "mistake",
  ],
  [
    "ERR Error running script (call to f_ac07): @user_script:1: @user_script: 1: Unknown Redis command called from Lua script",
    "ERR",
    "mistake",
  ],
  ["BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY", "passing"],
  ["BUSYGROUP Consumer Group name already exists", "BUSYGROUP", "mistake"],
  ["ERR max number of clients reached", "ERR", "outage"],
  ["ERR max requests limit exceeded. Limit: 500000, Usage: 500001.", "ERR", "outage"],
  ["ERR maximum is below the minimum", "ERR", "mistake"],
];

describe("the kind of a failure", () => {
  it.each(texts)("%s", (text, code, failure) => {
    const error = new ReplyError(text);
    expect(error.code).toBe(code);
    expect(failureOf(error)).toBe(failure);
  });

  it("of what is no answer of Redis", () => {
    expect(failureOf(new ConnectionError("lost", "unknown"))).toBe("outage");
    expect(failureOf(new TimeoutError(1))).toBe("outage");
    expect(failureOf(new OptionError("wrong"))).toBe("mistake");
    expect(failureOf(new TypeError("a bug"))).toBe("mistake");
    expect(failureOf(undefined)).toBe("mistake");
  });
});

describe("a breaker", () => {
  const [lost, busy, wrong] = [new TimeoutError(1), new ReplyError("BUSY now"), new ReplyError("WRONGTYPE no")];
  it("counts outages and what did not pass in time, closes at a refusal, and does not hear other errors", () => {
    const breaker = createBreaker({ failures: 2 });
    breaker.failed(lost);
    breaker.failed(wrong);
    breaker.failed(busy);
    expect(breaker.open).toBe(false);
    breaker.failed(new TypeError("a bug"));
    expect(breaker.open).toBe(false);
    breaker.failed(lost);
    expect(breaker.open).toBe(true);
    breaker.failed(wrong);
    expect(breaker.open).toBe(false);
  });
});

/** A port that answers in turn; the last answer goes on. */
function scriptedPort(...answers: readonly (Reply | Error)[]) {
  const left = [...answers];
  const sent: (SendOptions | undefined)[] = [];
  const answer = async (options?: SendOptions): Promise<Reply> => {
    sent.push(options);
    const next = left.length > 1 ? left.shift() : left[0];
    if (next instanceof Error) throw next;
    return next ?? null;
  };
  const redis: Redis = {
    send: (_, options) => answer(options),
    pipeline: (commands, options) =>
      Promise.all(commands.map(() => answer(options).catch((error: ReplyError) => error))),
  };
  return { redis, sent };
}

describe("a port that asks again", () => {
  const busy = () => new ReplyError("BUSY now");
  const ask = (redis: Redis, options?: SendOptions) => portFor(redis, {}).send(["GET", "a"], options);

  it("gives each attempt what is left of the deadline", async () => {
    const { redis, sent } = scriptedPort(busy(), busy(), "here");
    expect(await ask(redis, { timeout: 500, idempotent: true })).toBe("here");
    const [first, ...later] = sent.map((options) => options?.timeout ?? 0);
    expect(first).toBe(500);
    expect(later).toHaveLength(2);
    for (const timeout of later) expect(timeout).toBeLessThan(500);
    expect(sent.every((options) => options?.idempotent)).toBe(true);
  });

  it("ends with the refusal, or with a deadline whose cause it is", async () => {
    await expect(ask(scriptedPort(busy()).redis, { timeout: 60 })).rejects.toMatchObject({ code: "BUSY" });
    const late = ask(scriptedPort(busy(), new TimeoutError(40)).redis, { timeout: 200 });
    await expect(late).rejects.toMatchObject({ code: "TIMEOUT", cause: { code: "BUSY" } });
  });

  it("stops for a caller that leaves", async () => {
    const controller = new AbortController();
    const leaving = ask(scriptedPort(busy()).redis, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(leaving).rejects.toThrow("enough");
  });

  it("sends a pipeline again only where nothing of it was run", async () => {
    const all = scriptedPort(busy(), busy(), "a", "b");
    expect(await portFor(all.redis, {}).pipeline([["GET"], ["GET"]])).toEqual(["a", "b"]);
    const some = scriptedPort("a", busy());
    expect(await portFor(some.redis, {}).pipeline([["GET"], ["GET"]])).toEqual(["a", expect.any(ReplyError)]);
    expect(some.sent).toHaveLength(2);
  });

  it("says once what to do about a mistake", async () => {
    const error = new ReplyError("WRONGPASS invalid");
    const { redis } = scriptedPort(error);
    for (let i = 0; i < 2; i += 1) await expect(ask(redis)).rejects.toBe(error);
    expect(error.message).toBe("WRONGPASS invalid; check the password or token");
  });

  it("is one for each port, and never that of what a proxy stands for", () => {
    const { redis } = scriptedPort("a");
    expect(portFor(redis, {})).toBe(portFor(redis, {}));
    expect(portFor(portFor(redis, {}), {})).toBe(portFor(redis, {}));
    const stand = Object.create(redis) as Redis;
    expect(portFor(stand, {})).not.toBe(portFor(redis, {}));
    expect(portFor(Object.freeze({ ...redis }), {}).send).toBeTypeOf("function");
  });
});

it("three mistakes about one id leave a limiter open for every other", async () => {
  const wrong = new ReplyError("WRONGTYPE no");
  const { redis } = scriptedPort(wrong, wrong, wrong, [0, 9, 60_000]);
  const limiter = createLimiter(redis, { prefix: "p", algorithm: fixedWindow({ limit: 10, window: 60_000 }) });
  for (let i = 0; i < 3; i += 1) await expect(limiter.limit("broken")).rejects.toBe(wrong);
  expect(await limiter.limit("other")).toMatchObject({ allowed: true, degraded: false });
});

describe("a deadline", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("passes after its time, and can be taken back until then", () => {
    const call = vi.fn<() => void>();
    startDeadline(call, 100);
    const stop = startDeadline(call, 100);
    vi.advanceTimersByTime(99);
    expect(call).not.toHaveBeenCalled();
    stop();
    vi.advanceTimersByTime(2);
    expect(call).toHaveBeenCalledTimes(1);
  });

  it("gives a process that was blocked the time back once, and no more than its own length", () => {
    const call = vi.fn<() => void>();
    startDeadline(call, 100);
    const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 160);
    vi.advanceTimersByTime(100);
    expect(call).not.toHaveBeenCalled();
    clock.mockReturnValue(performance.now() + 9_000);
    vi.advanceTimersByTime(61);
    expect(call).toHaveBeenCalledTimes(1);
    clock.mockRestore();
  });
});
