import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBreaker } from "../../src/core/outage/breaker.ts";
import * as check from "../../src/core/check.ts";
import { withDeadline } from "../../src/core/time/deadline.ts";
import { days, hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { ConnectionError, OptionError, RedisPatternsError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import { LockLostError } from "../../src/core/patterns/lock/errors.ts";
import { emit } from "../../src/core/event.ts";
import { decodeId, encodeId, keyOf, keyPrefix, maxIdLength } from "../../src/core/keys.ts";
import { observe, type WireEvent } from "../../src/core/port/observe.ts";
import { rememberToken } from "../../src/core/patterns/session/context.ts";
import { createIdentity, type Identity } from "../../src/core/patterns/session/identity.ts";
import { createSessions, hmacSigner } from "../../src/core/patterns/session/index.ts";
import type { Command, Redis, Reply } from "../../src/core/port/redis.ts";
import * as reply from "../../src/core/port/reply.ts";
import { defineScript } from "../../src/core/script/define-script.ts";
import { jitter } from "../../src/core/wait/backoff.ts";
import { sleep } from "../../src/core/wait/sleep.ts";

describe("durations", () => {
  it("are milliseconds", () => {
    expect([seconds(5), minutes(5), hours(1), days(7)]).toEqual([5_000, 300_000, 3_600_000, 604_800_000]);
  });
});

describe("keys", () => {
  // Few units, so that ids come out alike, and any unit, a half of a character included.
  const unit = fc.oneof(
    fc.constantFrom("%", "u", "2", "5", "{", "7", "d", "\ud83d", "\ude00"),
    fc.string({ unit: "binary" }),
  );
  const anyId = fc.array(unit, { minLength: 1, maxLength: 6 }).map((units) => units.join("") || "x");
  const bytesOf = (key: string) => String(new TextEncoder().encode(key));

  it("never let one id name another's key", () => {
    fc.assert(
      fc.property(anyId, anyId, (a, b) => {
        expect(bytesOf(keyOf("p", a, "x")) === bytesOf(keyOf("p", b, "x"))).toBe(a === b);
        expect(decodeId(encodeId(a))).toBe(a);
      }),
    );
    expect(keyOf("p", "😀")).toBe("p:{😀}");
    expect([keyOf("p", "\ud83d"), keyOf("p", "\ude00")]).toEqual(["p:{%ud83d}", "p:{%ude00}"]);
  });

  it("put the id alone in the hash tag, so that all keys of one entity share a slot", () => {
    expect(keyOf("myapp:session", "a:b", "data")).toBe("myapp:session:{a:b}:data");
    expect(keyOf("p", "{x}%")).toBe("p:{%7Bx%7D%25}");
  });

  it("refuse an id that is empty, missing or too long, and do not repeat it", () => {
    expect(() => keyOf("p", "")).toThrow(OptionError);
    expect(() => keyOf("p", undefined as unknown as string)).toThrow(/`id`/);
    const long = "s".repeat(maxIdLength + 1);
    expect(() => keyOf("p", long)).toThrow(OptionError);
    expect(() => keyOf("p", long)).not.toThrow(/sss/);
    expect(keyOf("p", "s".repeat(maxIdLength))).toHaveLength(maxIdLength + 4);
  });

  it("refuse a prefix that would move the hash tag", () => {
    expect(() => keyPrefix("a{b}")).toThrow(/`prefix`/);
    expect(keyPrefix("a:b")).toBe("a:b");
  });
});

describe("option checks", () => {
  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])("refuse %s as a duration", (value) => {
    expect(() => check.checkDuration("ttl", value)).toThrow(/`ttl`.*seconds\(10\)/);
  });

  it("name the option and what it may be", () => {
    expect(() => check.checkCount("limit", 0)).toThrow(/`limit`/);
    expect(() => check.checkText("token", "")).toThrow(/`token`/);
    expect(() => check.checkOneOf("onError", "maybe" as "allow", ["allow", "deny"])).toThrow(/"allow", "deny"/);
    expect(() => check.checkFunction("load", 5)).toThrow(/`load`/);
    expect(() => check.checkPort({} as Redis, {})).toThrow(/ioredis\(client\)/);
  });

  it("let good values through", () => {
    expect([check.checkDuration("ttl", 10), check.checkDurationOrZero("ttl", 0), check.checkCount("n", 3)]).toEqual([
      10, 0, 3,
    ]);
    expect(check.checkOneOf("onError", "deny", ["allow", "deny"])).toBe("deny");
  });
});

describe("errors", () => {
  it("form one family, each with a code and its cause", () => {
    const cause = new Error("socket");
    const error = new TimeoutError(50, false, { cause });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toBeInstanceOf(RedisPatternsError);
    expect([error.name, error.code, error.sent, error.timeout, error.cause]).toEqual([
      "TimeoutError",
      "TIMEOUT",
      false,
      50,
      cause,
    ]);
    expect(new ConnectionError("gone", "unknown").code).toBe("CONNECTION");
  });

  it("take the code from Redis' first word and cut off the caller's arguments", () => {
    expect(new ReplyError("NOSCRIPT No matching script").code).toBe("NOSCRIPT");
    expect(new ReplyError("something odd").code).toBe("ERR");
    const echo = new ReplyError("ERR unknown command 'GTE', with args beginning with: 'secret' ");
    expect(echo.message).toBe("ERR unknown command 'GTE'");
    const upstash = new ReplyError('ERR syntax error, command was: ["set","k","secret"]');
    expect(upstash.message).toBe("ERR syntax error");
  });
});

describe("replies", () => {
  it("are trusted only in the shape that was asked for", () => {
    expect(reply.integer("12")).toBe(12);
    expect(reply.text(12)).toBe("12");
    expect(reply.flag(null)).toBe(false);
    expect(reply.nullableTexts(["a", null])).toEqual(["a", null]);
    expect(reply.integers([1, "2"])).toEqual([1, 2]);
    for (const wrong of [
      () => reply.integer("x"),
      () => reply.integer(""),
      () => reply.text(null),
      () => reply.texts("a"),
    ]) {
      expect(wrong).toThrow(expect.objectContaining({ code: "SHAPE" }));
    }
  });
});

describe("a script", () => {
  const script = defineScript({ keys: ["a"], args: ["b", "...rest"], decode: reply.raw, lua: "return b" });

  it("names its keys and arguments as locals", () => {
    expect(script.lua).toBe("local a=KEYS[1]\nlocal b=ARGV[1]\nlocal rest={unpack(ARGV,2)}\nreturn b");
  });

  it("sends the digest first, the text after NOSCRIPT, and drops a header that the server does not know", async () => {
    const sent: string[] = [];
    const server = fakeRedis((command) => {
      sent.push(`${command[0]} ${String(command[1]).split("\n")[0]?.slice(0, 12)}`);
      if (command[0] === "EVALSHA") throw new ReplyError("NOSCRIPT No matching script");
      if (String(command[1]).startsWith("#!lua")) throw new ReplyError("ERR Unexpected flag in script shebang: x");
      return command.slice(2);
    });
    const redis = { ...server, scriptHeader: "#!lua flags=x" };
    expect(await script(redis, { a: "k", b: 1, rest: [2, 3] })).toEqual([1, "k", 1, 2, 3]);
    expect(await script(redis, { a: "k", b: 1, rest: [] })).toEqual([1, "k", 1]);
    expect(sent.filter((line) => line.startsWith("EVAL #!lua"))).toHaveLength(1);
  });

  it("says which value is missing", async () => {
    const values = { a: "k" } as unknown as Parameters<typeof script>[1];
    await expect(
      script(
        fakeRedis(() => null),
        values,
      ),
    ).rejects.toThrow(/`b`/);
  });
});

describe("observe", () => {
  it("tells names, time and outcome, and no argument", async () => {
    const events: WireEvent[] = [];
    const server = fakeRedis(([name]) => {
      if (name === "GET") return "x";
      throw new ReplyError("WRONGTYPE no");
    });
    const redis = observe(server, (event) => events.push(event));
    await redis.send(["GET", "secret"]);
    await redis.send(["INCR", "secret"]).catch(() => {});
    await redis.pipeline([["get", "secret"]]);
    expect(events.map(({ commands, outcome, code }) => [commands, outcome, code])).toEqual([
      [["GET"], "ok", undefined],
      [["INCR"], "refused", "WRONGTYPE"],
      [["GET"], "refused", "WRONGTYPE"],
    ]);
    expect(JSON.stringify(events)).not.toContain("secret");
  });

  it("keeps the capabilities, and adds none", () => {
    const server = fakeRedis(() => null);
    expect(Object.keys(observe(server, () => {}))).not.toContain("transaction");
    const transaction = () => Promise.resolve([]);
    expect(observe({ ...server, transaction, scriptHeader: "#!lua" }, () => {})).toMatchObject({
      scriptHeader: "#!lua",
    });
  });
});

describe("an event hook", () => {
  it("cannot fail the call that it reports", () => {
    const event = { pattern: "cache", type: "hit", prefix: "p" };
    expect(() =>
      emit(() => {
        throw new Error("metrics");
      }, event),
    ).not.toThrow();
    expect(() => emit(undefined, event)).not.toThrow();
  });
});

describe("a lost lock", () => {
  it("asks for a longer ttl only where time was what it lacked", () => {
    expect(new LockLostError("a", 120).message).toBe("Lock `a` was lost 120 ms ago; raise `ttl` or extend the lease");
    expect(new LockLostError("a").message).toMatch(/before its time.*resumed elsewhere/);
  });
});

describe("waiting", () => {
  it("ends a sleep on abort and leaves no listener behind", async () => {
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    await sleep(1, controller.signal);
    expect(removed).toHaveBeenCalledTimes(1);
    const reason = new Error("enough");
    const asleep = sleep(60_000, controller.signal);
    controller.abort(reason);
    await expect(asleep).rejects.toBe(reason);
    await expect(sleep(1, controller.signal)).rejects.toBe(reason);
  });

  it("puts one listener on a signal that many calls wait for, and takes it off with the last", async () => {
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, "addEventListener");
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    await Promise.all(Array.from({ length: 50 }, () => sleep(1, controller.signal)));
    expect([added, removed].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
    const asleep = Array.from({ length: 50 }, () => sleep(60_000, controller.signal));
    controller.abort(new Error("enough"));
    expect((await Promise.allSettled(asleep)).filter(({ status }) => status === "rejected")).toHaveLength(50);
  });

  it("jitters between half and whole", () => {
    const values = Array.from({ length: 1_000 }, () => jitter(100));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...values)).toBeLessThanOrEqual(100);
  });

  it("rejects at the deadline though the work goes on, and tells the work", async () => {
    let told: AbortSignal | undefined;
    const late = withDeadline(20, undefined, (signal) => {
      told = signal;
      return new Promise(() => {});
    });
    await expect(late).rejects.toBeInstanceOf(TimeoutError);
    expect(told?.aborted).toBe(true);
  });

  it("rejects with the caller's reason, before and during", async () => {
    const controller = new AbortController();
    const waiting = withDeadline(60_000, controller.signal, () => new Promise(() => {}));
    controller.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    await expect(withDeadline(60_000, controller.signal, () => Promise.resolve(1))).rejects.toBe("enough");
  });

  it("hears an abort that comes while the work begins", async () => {
    const controller = new AbortController();
    const waiting = withDeadline(60_000, controller.signal, () => {
      controller.abort("left");
      return new Promise(() => {});
    });
    await expect(waiting).rejects.toBe("left");
  });

  it("leaves no timer behind when the work throws at once", async () => {
    vi.useFakeTimers();
    const failing = withDeadline(60_000, undefined, () => {
      throw new Error("at once");
    });
    await expect(failing).rejects.toThrow("at once");
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});

describe("the circuit breaker", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["performance"] }));
  afterEach(() => vi.useRealTimers());

  it("opens after failures in a row, lets one probe through per cooldown, and closes on success", () => {
    const breaker = createBreaker({ failures: 2, cooldown: 100 });
    const lost = new ConnectionError("Redis was not reached", false);
    breaker.failed(lost);
    expect(breaker.ready()).toBe(true);
    breaker.failed(lost);
    expect(breaker.ready()).toBe(false);
    vi.advanceTimersByTime(101);
    expect([breaker.ready(), breaker.ready()]).toEqual([true, false]);
    breaker.succeeded();
    expect(breaker.ready()).toBe(true);
  });
});

describe("the tokens that a process knows", () => {
  it("remembers 4,000 tokens, and forgets the one that was first seen longest ago", async () => {
    const known = new Map<string, Identity>();
    const identity = await createIdentity("s", "o".repeat(24));
    for (let i = 0; i < 4_000; i += 1) rememberToken({ knownTokens: known }, `t${i}`, identity);
    for (let i = 0; i < 10; i += 1) rememberToken({ knownTokens: known }, "t1", identity);
    expect(known.get("t0")).toBe(identity);
    rememberToken({ knownTokens: known }, "new", identity);
    expect(known.get("t0")).toBeUndefined();
    expect([known.get("t1"), known.get("new")]).toEqual([identity, identity]);
  });

  it("saves hashing and verifying, but not the question to Redis", async () => {
    const head = "1 1 1 1 9 9 1 1 0 1 tag [null,null,null]";
    const send = vi.fn<Redis["send"]>(async () => head);
    const redis: Redis = { send, pipeline: async () => [] };
    const limits = { idle: minutes(30), absolute: hours(12), signer: hmacSigner(["s".repeat(32)]), prefix: "p" };
    const { token } = await createSessions(redis, limits).create({ data: {} });
    // Another process has not seen it yet.
    const sessions = createSessions(redis, limits);
    await sessions.read(token);
    const [digest, verify] = [vi.spyOn(crypto.subtle, "digest"), vi.spyOn(crypto.subtle, "verify")];
    send.mockClear();
    for (let i = 0; i < 3; i += 1) expect((await sessions.read(token))?.token).toBe(token);
    expect(send).toHaveBeenCalledTimes(3);
    expect([digest.mock.calls.length, verify.mock.calls.length]).toEqual([0, 0]);
    // One that Redis does not know is not remembered either.
    send.mockResolvedValue(null);
    await createSessions(redis, limits).read(token);
    expect(verify.mock.calls.length).toBe(1);
    vi.restoreAllMocks();
  });
});

function fakeRedis(answer: (command: Command) => unknown): Redis {
  const send = async (command: Command) => answer(command) as Reply;
  return {
    send,
    pipeline: (commands) =>
      Promise.all(commands.map((command) => send(command).catch((error: unknown) => error as ReplyError))),
  };
}
