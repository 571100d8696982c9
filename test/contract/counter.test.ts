import { beforeAll, describe, expect, it } from "vitest";
import {
  type Counters,
  type CounterOptions,
  createCounters,
  incrementWithin,
  takeCounter,
} from "../../src/core/patterns/counter/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { hours } from "../../src/core/time/duration.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type Faults, withFaults } from "../../src/testing/index.ts";
import counterV1 from "../fixtures/counter-v1.json" with { type: "json" };
import { restore } from "../fixtures/restore.ts";
import { onEveryBackend } from "../support/backends.ts";

const most = Number.MAX_SAFE_INTEGER;

/** Every call that changes a counter, and what it answers for one that is at 10. */
const changes: readonly (readonly [
  name: string,
  change: (counters: Counters, call: { readonly requestId?: string }) => Promise<unknown>,
  answer: unknown,
  after: number,
])[] = [
  ["increment", (counters, call) => counters.increment("a", 5, call), 15, 15],
  [
    "incrementWithin",
    (counters, call) => incrementWithin(counters, "a", -4, { min: 3, ...call }),
    { changed: true, value: 6 },
    6,
  ],
  [
    "incrementWithin, refused",
    (counters, call) => incrementWithin(counters, "a", 1, { max: 10, ...call }),
    { changed: false, value: 10 },
    10,
  ],
  ["set", (counters, call) => counters.set("a", 7, call), undefined, 7],
  ["takeCounter", (counters, call) => takeCounter(counters, "a", call), 10, 0],
  ["delete", (counters, call) => counters.delete("a", call), true, 0],
];

onEveryBackend("counters", (backend) => {
  let redis: Redis & Faults;
  let number = 0;
  beforeAll(async () => {
    redis = withFaults(await backend.connect());
  });
  const open = (options: Partial<CounterOptions> = {}, part = "") => {
    number += 1;
    redis.reset();
    return createCounters(redis, { prefix: `${backend.prefix}${part}:${number}`, ttl: hours(1), ...options });
  };
  const keyOf = (id: string) => `counter:${backend.prefix}:${number}:{${id}}`;
  const ttlOf = async (key: string) => integer(await redis.send(["PTTL", key]));

  it("count from 0, up and down", async () => {
    const counters = open();
    expect(await counters.get("a")).toBe(0);
    expect(await counters.increment("a")).toBe(1);
    expect(await counters.increment("a", 41)).toBe(42);
    expect(await counters.increment("a", -50)).toBe(-8);
    expect(await counters.increment("a", 0)).toBe(-8);
    expect(await counters.get("a")).toBe(-8);
    await counters.set("a", 3);
    expect(await counters.delete("a")).toBe(true);
    expect(await counters.delete("a")).toBe(false);
    expect(await counters.get("a")).toBe(0);
  });

  backend.it("lose none of 500 that come together, by any of two clients", async () => {
    const one = open();
    const other = createCounters(await backend.connect(), {
      prefix: `${backend.prefix}:${number}`,
      ttl: hours(1),
    });
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? one : other).increment("a", 1)),
    );
    expect(answers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(await one.get("a")).toBe(500);
  });

  it("are read many at a time, in their order, in one trip", async () => {
    const counters = open();
    await Promise.all(["a", "b", "c:{d}"].map((id, i) => counters.increment(id, i + 1)));
    await counters.getMany(["a", "b"]);
    redis.reset();
    expect(await counters.getMany(["b", "none", "a", "c:{d}", "b"])).toEqual([2, 0, 1, 3, 2]);
    expect(redis.counts().trips).toBe(1);
    expect(await counters.getMany([])).toEqual([]);
    expect(await counters.getMany(Array.from({ length: 1_000 }, (_, i) => `${i}`))).toHaveLength(1_000);
    await expect(counters.getMany(Array.from({ length: 1_001 }, (_, i) => `${i}`))).rejects.toMatchObject({
      code: "OPTION",
    });
  });

  it("are 0 for a key of another type where many are read, also where these are one", async () => {
    const counters = open();
    await counters.set("a", 4);
    await redis.send(["RPUSH", keyOf("list"), "1"]);
    await redis.send(["PEXPIRE", keyOf("list"), 60_000]);
    expect(await counters.getMany(["list", "a"])).toEqual([0, 4]);
    expect(await counters.getMany(["list"])).toEqual([0]);
    await expect(counters.get("list")).rejects.toMatchObject({ code: "WRONGTYPE" });
  });

  it("name the id whose key holds no count", async () => {
    const counters = open();
    await counters.set("a", 4);
    await redis.send(["SET", keyOf("b:7"), "secret", "PX", 60_000]);
    for (const call of [
      () => counters.get("b:7"),
      () => counters.getMany(["a", "b:7"]),
      () => counters.increment("b:7"),
      () => incrementWithin(counters, "b:7", 1, { max: 5 }),
      () => takeCounter(counters, "b:7"),
    ]) {
      const failure: unknown = await call().catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "SHAPE", message: expect.stringContaining("`b:7`") });
      expect(String(failure)).not.toContain("secret");
    }
  });

  it("cost one trip and few commands", async () => {
    const counters = open();
    for (const [, change] of changes) await change(counters, {});
    await counters.set("a", 10);
    const costs: unknown[] = [];
    for (const [name, change] of changes) {
      await counters.set("a", 10);
      redis.reset();
      costs.push([name, await backend.count(() => change(counters, {})), redis.counts().trips]);
    }
    expect(costs).toEqual([
      ["increment", { evalsha: 1, get: 2, set: 2 }, 1],
      ["incrementWithin", { evalsha: 1, get: 2, set: 2 }, 1],
      ["incrementWithin, refused", { evalsha: 1, get: 2, set: 1 }, 1],
      ["set", { evalsha: 1, get: 2, set: 2 }, 1],
      ["takeCounter", { evalsha: 1, get: 2, set: 1, del: 1 }, 1],
      ["delete", { evalsha: 1, get: 2, set: 1, del: 1 }, 1],
    ]);
    expect(await backend.count(() => counters.get("a"))).toEqual({ get: 1 });
  });

  describe.each(changes)("%s", (_, change, answer, after) => {
    const openAt10 = async () => {
      const counters = open();
      await counters.set("a", 10);
      return counters;
    };

    it("is made once where the network repeats it, with the same answer", async () => {
      const counters = await openAt10();
      redis.runTwice();
      expect(await change(counters, {})).toEqual(answer);
      expect(await counters.get("a")).toBe(after);
    });

    it("@upstash/redis, ioredis: is made once where its reply was lost and its caller asks again, where INCR counts twice", async () => {
      const counters = await openAt10();
      redis.loseReply();
      await expect(change(counters, { requestId: "r" })).rejects.toMatchObject({ code: "CONNECTION" });
      expect(await change(counters, { requestId: "r" })).toEqual(answer);
      expect(await counters.get("a")).toBe(after);
      // Whatever has happened since.
      await counters.set("a", 100);
      expect(await change(counters, { requestId: "r" })).toEqual(answer);
      expect(await counters.get("a")).toBe(100);
    });

    it("changes nothing that is no count", async () => {
      const counters = open();
      const key = keyOf("a");
      await redis.send(["HSET", key, "f", "v"]);
      await redis.send(["PEXPIRE", key, 60_000]);
      await expect(change(counters, { requestId: "r" })).rejects.toMatchObject({ code: "WRONGTYPE" });
      expect(await redis.send(["HGET", key, "f"])).toBe("v");
      expect((await backend.keys()).filter((name) => name.startsWith(key))).toEqual([key]);
      // Once the key is free, the same request is made: its failure was no answer.
      await redis.send(["DEL", key]);
      await counters.set("a", 10);
      expect(await change(counters, { requestId: "r" })).toEqual(answer);
    });
  });

  it("count a request again where Redis has evicted what remembers it", async () => {
    const counters = open();
    await counters.increment("a", 1, { requestId: "r" });
    await redis.send(["DEL", `${keyOf("a")}:request:increment:r`]);
    expect(await counters.increment("a", 1, { requestId: "r" })).toBe(2);
  });

  it("remember a named request for a minute at least, in which a client may send it again by itself", async () => {
    const counters = open({ requestTtl: 1 });
    redis.runTwice();
    expect(await counters.increment("a", 1, { requestId: "r" })).toBe(1);
    const left = await ttlOf(`${keyOf("a")}:request:increment:r`);
    expect(left).toBeGreaterThan(50_000);
    expect(left).toBeLessThanOrEqual(60_000);
  });

  it("forget a named request after `requestTtl`, and an unnamed one after a minute", async () => {
    const counters = open({ requestTtl: 120_000 });
    await counters.increment("a", 1, { requestId: "r/{1}" });
    await counters.increment("a", 1);
    const keys = (await backend.keys()).filter((key) => key.startsWith(keyOf("a")));
    const ttls = await Promise.all(
      keys.toSorted().map(async (key) => [key.slice(keyOf("a").length, -4), await ttlOf(key)]),
    );
    expect(ttls.map(([part, ttl]) => [String(part).slice(0, 18), Math.ceil(Number(ttl) / 60_000)])).toEqual([
      ["", 60],
      [":once:increment:" + String(ttls[1]?.[0]).slice(16, 18), 1],
      [":request:increment", 2],
    ]);
  });

  it("tell requests of different ids and kinds apart", async () => {
    const counters = open();
    const requestId = "r";
    await counters.increment("a", 1, { requestId });
    await counters.increment("b", 1, { requestId });
    await counters.increment("a", 1, { requestId });
    await incrementWithin(counters, "a", 1, { requestId });
    expect(await counters.getMany(["a", "b"])).toEqual([2, 1]);
  });

  it("live for `ttl` from their last change", async () => {
    const counters = open();
    for (const change of [() => counters.increment("a"), () => counters.set("a", 1)]) {
      await redis.send(["SET", keyOf("a"), "1", "PX", 5_000]);
      await counters.get("a");
      await incrementWithin(counters, "a", 1, { max: 1 });
      expect(await ttlOf(keyOf("a"))).toBeLessThanOrEqual(5_000);
      await change();
      expect(await ttlOf(keyOf("a"))).toBeGreaterThan(hours(1) - 60_000);
    }
    const brief = open({ ttl: 1 });
    await brief.increment("a");
    while ((await redis.send(["EXISTS", keyOf("a")])) === 1) await sleep(2);
    expect(await brief.increment("a")).toBe(1);
  });

  it("say how to live for ever where their lifetime is endless", () => {
    expect(() => open({ ttl: Number.POSITIVE_INFINITY })).toThrow('"permanent"');
  });

  it("take the longest lifetimes", async () => {
    const counters = open({ ttl: most, requestTtl: most });
    expect(await counters.increment("a", 1, { requestId: "r" })).toBe(1);
    await counters.set("b", 1);
    expect(await counters.increment("a", 1, { requestId: "r" })).toBe(1);
    expect(await ttlOf(keyOf("a"))).toBeGreaterThan(hours(1_000_000));
  });

  it("live for ever where they are permanent, also if they did not before", async () => {
    const prefix = `${backend.prefix}:permanent`;
    const passing = createCounters(redis, { prefix, ttl: hours(1) });
    const permanent = createCounters(redis, { prefix, ttl: "permanent" });
    await passing.increment("a");
    expect(await permanent.increment("a")).toBe(2);
    expect(await ttlOf(`counter:${prefix}:{a}`)).toBe(-1);
    await passing.set("a", 5);
    expect(await ttlOf(`counter:${prefix}:{a}`)).toBeGreaterThan(0);
  });

  it("refuse to leave the numbers that are exact, and change nothing", async () => {
    const counters = open();
    for (const sign of [1, -1]) {
      await counters.set("a", sign * most);
      await redis.send(["PEXPIRE", keyOf("a"), 5_000]);
      await expect(counters.increment("a", sign)).rejects.toMatchObject({ code: "OVERFLOW" });
      await expect(counters.increment("a", sign * most)).rejects.toMatchObject({ code: "OVERFLOW" });
      expect(await incrementWithin(counters, "a", sign, {})).toEqual({ changed: false, value: sign * most });
      expect(await counters.get("a")).toBe(sign * most);
      expect(await ttlOf(keyOf("a"))).toBeLessThanOrEqual(5_000);
      // The refusal is the answer of its request.
      const call = { requestId: `r${sign}` };
      await expect(counters.increment("a", sign, call)).rejects.toMatchObject({ code: "OVERFLOW" });
      expect(await counters.increment("a", -sign * most)).toBe(0);
      await expect(counters.increment("a", sign, call)).rejects.toMatchObject({ code: "OVERFLOW" });
      expect(await counters.increment("a", sign * most)).toBe(sign * most);
    }
  });

  it.each([
    "abc",
    "",
    "1.5",
    "1e3",
    "0x10",
    " 5",
    "05",
    "nan",
    "inf",
    "9007199254740992",
    "-9223372036854775808",
    "9".repeat(400),
  ])("read and change nothing that is no count: %j", async (foreign) => {
    const counters = open();
    await redis.send(["SET", keyOf("a"), foreign, "PX", 60_000]);
    for (const call of [
      () => counters.get("a"),
      () => counters.getMany(["b", "a"]),
      () => counters.increment("a", 1, { requestId: "r" }),
      () => incrementWithin(counters, "a", 1, { max: 5 }),
      () => takeCounter(counters, "a"),
    ])
      await expect(call()).rejects.toMatchObject({ name: "ReplyError", code: "SHAPE" });
    expect(await redis.send(["GET", keyOf("a")])).toBe(foreign);
    expect((await backend.keys()).filter((key) => key.startsWith(keyOf("a")))).toEqual([keyOf("a")]);
    await counters.set("a", 1);
    expect(await counters.increment("a", 1, { requestId: "r" })).toBe(2);
  });

  it("never pass a floor or a ceiling, however many come together", async () => {
    const counters = open();
    await counters.set("stock", 100);
    const sales = await Promise.all(
      Array.from({ length: 150 }, () => incrementWithin(counters, "stock", -1, { min: 0 })),
    );
    expect(sales.filter(({ changed }) => changed)).toHaveLength(100);
    expect(sales.filter(({ changed }) => !changed).every(({ value }) => value === 0)).toBe(true);
    expect(await counters.get("stock")).toBe(0);
    expect(await incrementWithin(counters, "stock", 6, { max: 5 })).toEqual({ changed: false, value: 0 });
    expect(await incrementWithin(counters, "stock", 5, { max: 5 })).toEqual({ changed: true, value: 5 });
    expect(await incrementWithin(counters, "none", -1, { min: 0 })).toEqual({ changed: false, value: 0 });
    expect(await redis.send(["EXISTS", keyOf("none")])).toBe(0);
  });

  it("may come nearer to bounds that they are out of already", async () => {
    const counters = open();
    await counters.set("a", -10);
    expect(await incrementWithin(counters, "a", 3, { min: 0, max: 5 })).toEqual({ changed: true, value: -7 });
    expect(await incrementWithin(counters, "a", -1, { min: 0 })).toEqual({ changed: false, value: -7 });
    expect(await incrementWithin(counters, "a", 0, { min: 0 })).toEqual({ changed: true, value: -7 });
  });

  it("are taken without a loss while others count", async () => {
    const counters = open();
    const taken: Promise<number>[] = [];
    const counting = Array.from({ length: 200 }, (_, i) => {
      if (i % 20 === 19) taken.push(takeCounter(counters, "a"));
      return counters.increment("a");
    });
    await Promise.all(counting);
    const parts = await Promise.all([...taken, takeCounter(counters, "a")]);
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(200);
    expect(await takeCounter(counters, "a")).toBe(0);
  });

  it("end a wait with its signal's reason", async () => {
    const counters = open();
    const signal = AbortSignal.abort(new Error("left"));
    await expect(counters.increment("a", 1, { signal })).rejects.toThrow("left");
    await expect(counters.get("a", { signal })).rejects.toThrow("left");
  });

  it.each<[name: string, call: (counters: Counters) => Promise<unknown>]>([
    ["by", (counters) => counters.increment("a", 1.5)],
    ["by", (counters) => counters.increment("a", Number.NaN)],
    ["by", (counters) => counters.increment("a", most + 1)],
    ["by", (counters) => counters.increment("a", "1" as never)],
    ["by", (counters) => counters.increment("a", null as never)],
    ["by", (counters) => counters.increment("a", { requestId: "r" } as never)],
    ["by", (counters) => incrementWithin(counters, "a", undefined as never, { min: 0 })],
    ["value", (counters) => counters.set("a", 0.1)],
    ["value", (counters) => counters.set("a", undefined as never)],
    ["options", (counters) => counters.increment("a", 1, 1_000 as never)],
    ["options", (counters) => counters.increment("a", 1, null as never)],
    ["options", (counters) => counters.set("a", 1, "r" as never)],
    ["options", (counters) => counters.delete("a", 5 as never)],
    ["options", (counters) => counters.get("a", 5 as never)],
    ["options", (counters) => takeCounter(counters, "a", 5 as never)],
    ["options", (counters) => incrementWithin(counters, "a", 1, undefined as never)],
    ["min", (counters) => incrementWithin(counters, "a", 1, { min: 0.5 })],
    ["max", (counters) => incrementWithin(counters, "a", 1, { max: null as never })],
    ["max", (counters) => incrementWithin(counters, "a", 1, { min: 2, max: 1 })],
    ["signal", (counters) => counters.get("a", { signal: null as never })],
    ["signal", (counters) => counters.increment("a", 1, { signal: {} as never })],
    ["requestId", (counters) => counters.increment("a", 1, { requestId: "" })],
    ["requestId", (counters) => counters.set("a", 1, { requestId: "r".repeat(257) })],
    ["id", (counters) => counters.increment("")],
    ["id", (counters) => counters.get(7 as never)],
    ["ids", (counters) => counters.getMany("a" as never)],
    ["counters", () => takeCounter({} as never, "a")],
  ])("refuse what can never work, by its name, and send nothing: `%s`", async (name, call) => {
    const counters = open();
    await expect(call(counters)).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining(`\`${name}\``),
    });
    expect(redis.counts().trips).toBe(0);
  });

  it.each<[name: string, options: object]>([
    ["ttl", { ttl: undefined }],
    ["ttl", { ttl: 0 }],
    ["ttl", { ttl: "for ever" }],
    ["ttl", { ttl: Number.POSITIVE_INFINITY }],
    ["requestTtl", { requestTtl: 0 }],
    ["requestTtl", { requestTtl: null }],
    ["prefix", { prefix: "" }],
    ["prefix", { prefix: "{a}" }],
  ])("refuse an option that can never work, by its name: `%s` of %o", (name, options) => {
    expect(() => open(options)).toThrow(`\`${name}\``);
  });

  it("take a negative zero for 0", async () => {
    const counters = open();
    await counters.set("a", -0);
    expect(Object.is(await counters.get("a"), 0)).toBe(true);
    expect(Object.is(await counters.increment("a", -0), 0)).toBe(true);
    await redis.send(["SET", keyOf("a"), "-0", "PX", 60_000]);
    expect(Object.is(await takeCounter(counters, "a"), 0)).toBe(true);
  });

  it("take ids and request ids of any text", async () => {
    const counters = open();
    for (const id of ["a:b", "{x}", "*", "ü", "u".repeat(10_000), "%7B", "\n", "\ud800", "__proto__"]) {
      const requestId = id.slice(0, 256);
      expect(await counters.increment(id, 2, { requestId })).toBe(2);
      expect(await counters.increment(id, 2, { requestId })).toBe(2);
      expect(await counters.getMany([id, "none"])).toEqual([2, 0]);
    }
  });

  it("read what an earlier release stored, and store it as that did", async () => {
    const prefix = `${backend.prefix}:v1`;
    await restore(redis, counterV1.keys, "counter-v1", prefix);
    const counters = createCounters(redis, { prefix, ttl: hours(1) });
    expect(await counters.getMany(["views", "debt"])).toEqual([42, -7]);
    expect(await counters.increment("views", 100, { requestId: "r/{1}" })).toBe(42);
    expect(await takeCounter(counters, "taken", { requestId: "r/{1}" })).toBe(5);
    expect(await incrementWithin(counters, "debt", -1, { min: -7, requestId: "r/{1}" })).toEqual({
      changed: false,
      value: -7,
    });
    const anew = createCounters(redis, { prefix: `${prefix}b`, ttl: hours(1) });
    const call = { requestId: "r/{1}" };
    await anew.increment("views", 42, call);
    await anew.set("debt", -7);
    await incrementWithin(anew, "debt", -1, { min: -7, ...call });
    await anew.set("taken", 5);
    await takeCounter(anew, "taken", call);
    const keys = (await backend.keys()).filter((key) => key.includes(`${prefix}b:`) && !key.includes(":once:"));
    const stored = await Promise.all(keys.map(async (key) => [key, { SET: [await redis.send(["GET", key])] }]));
    const expected = Object.entries(counterV1.keys).filter(([key]) => key.startsWith("counter:"));
    expect(Object.fromEntries(stored)).toEqual(
      Object.fromEntries(expected.map(([key, value]) => [key.replace("counter-v1", `${prefix}b`), value])),
    );
  });
});
