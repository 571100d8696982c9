import { beforeAll, describe, expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import {
  addMany,
  type BloomFilter,
  type BloomFilterOptions,
  createBloomFilter,
  describeFilter,
  mightContainMany,
} from "../../src/core/patterns/bloom/index.ts";
import { integer } from "../../src/core/port/reply.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("a Bloom filter", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const lasting = { capacity: 1_000, errorRate: 0.01, ttl: minutes(10) };
  const rotating = { capacity: 1_000, errorRate: 0.01, window: hours(1) };
  const both: readonly (readonly [string, Omit<BloomFilterOptions, "prefix">])[] = [
    ["that lasts", lasting],
    ["that forgets", rotating],
  ];
  const open = (options: object = lasting, port = redis, prefix = `${backend.prefix}:${(number += 1)}`) =>
    createBloomFilter(port, { prefix, ...options } as BloomFilterOptions);
  const own = async (part = "filter") => {
    const all = await backend.keys();
    return all.filter((key) => key.startsWith(`bloom:${backend.prefix}:${number}:{`) && key.includes(`}:${part}`));
  };
  const ttlOf = async (key: string) => integer(await redis.send(["PTTL", key]));

  describe.each(both)("%s", (_, options) => {
    it("knows what it was given, each id by itself, and says what was new", async () => {
      const seen = open(options);
      expect(await seen.mightContain("a", "x")).toBe(false);
      expect(await seen.add("a", "x")).toEqual({ added: true });
      expect(await seen.add("a", "x")).toEqual({ added: false });
      expect(await seen.mightContain("a", "x")).toBe(true);
      expect(await seen.mightContain("a", "y")).toBe(false);
      expect(await seen.mightContain("b", "x")).toBe(false);
      await seen.clear("a");
      expect(await seen.mightContain("a", "x")).toBe(false);
      expect(await seen.add("a", "x")).toEqual({ added: true });
    });

    it("tells one of fifty that add an item together that it was new", async () => {
      const seen = open(options);
      const all = await Promise.all(Array.from({ length: 50 }, () => seen.add("a", "x")));
      expect(all.filter(({ added }) => added)).toHaveLength(1);
    });

    it("takes a hundred items at once, in one trip, and one that comes twice is new once", async () => {
      const port = withFaults(redis);
      const seen = open(options, port);
      const items = Array.from({ length: 99 }, (_, i) => `item ${i}`);
      const added = await addMany(seen, "a", [...items, "item 0"]);
      // One of a hundred may be taken for known.
      expect(added.filter(Boolean).length).toBeGreaterThan(95);
      expect(added[99]).toBe(false);
      expect(await mightContainMany(seen, "a", [...items, "none"])).toEqual([...items.map(() => true), false]);
      expect(await addMany(seen, "a", ["item 3", "new"])).toEqual([false, true]);
      expect([await addMany(seen, "a", []), await mightContainMany(seen, "a", [])]).toEqual([[], []]);
      expect(port.counts().trips).toBe(3);
    });

    it("gives a call that is sent twice the answer of the first, and adds once", async () => {
      const port = withFaults(redis);
      const seen = open(options, port);
      await seen.add("a", "warm");
      port.runTwice(1);
      expect(await seen.add("a", "x")).toEqual({ added: true });
      port.runTwice(1);
      expect(await addMany(seen, "a", ["x", "y"])).toEqual([false, true]);
    });

    it("gives a request that is made again after a lost reply the answer of the first", async () => {
      const port = withFaults(redis);
      const seen = open(options, port);
      await seen.add("a", "warm");
      port.loseReply(1);
      await expect(seen.add("a", "x", { requestId: "r" })).rejects.toMatchObject({ code: "CONNECTION" });
      expect(await seen.add("a", "x", { requestId: "r" })).toEqual({ added: true });
      expect(await seen.add("a", "x", { requestId: "r" })).toEqual({ added: true });
      expect(await seen.add("a", "x", { requestId: "another" })).toEqual({ added: false });
      port.loseReply(1);
      await expect(addMany(seen, "a", ["x", "y"], { requestId: "r" })).rejects.toMatchObject({ code: "CONNECTION" });
      expect(await addMany(seen, "a", ["x", "y"], { requestId: "r" })).toEqual([false, true]);
    });

    it("adds another item under the name of a request that was made: the name belongs to the item, too", async () => {
      const seen = open(options);
      expect(await seen.add("a", "x", { requestId: "r" })).toEqual({ added: true });
      expect(await seen.add("a", "y", { requestId: "r" })).toEqual({ added: true });
      expect(await seen.add("a", "x", { requestId: "r" })).toEqual({ added: true });
      expect(await mightContainMany(seen, "a", ["x", "y"])).toEqual([true, true]);
      expect(await addMany(seen, "a", ["x"], { requestId: "s" })).toEqual([false]);
      expect(await addMany(seen, "a", ["z", "v"], { requestId: "s" })).toEqual([true, true]);
    });

    it("is cleared once by one request, so that a late copy forgets nothing that was added since", async () => {
      const port = withFaults(redis);
      const seen = open(options, port);
      await seen.add("a", "x");
      port.loseReply(1);
      await expect(seen.clear("a", { requestId: "r" })).rejects.toMatchObject({ code: "CONNECTION" });
      await seen.add("a", "y");
      await seen.clear("a", { requestId: "r" });
      expect(await mightContainMany(seen, "a", ["x", "y"])).toEqual([false, true]);
    });

    it.each<[string, object]>([
      ["`capacity` or `errorRate`", { capacity: 2_000 }],
      ["`capacity` or `errorRate`", { errorRate: 0.001 }],
      ["`secret`", { secret: "s".repeat(32) }],
    ])("refuses a filter that was made with another %s, and changes nothing", async (name, other) => {
      const seen = open(options);
      await seen.add("a", "x");
      const before = await describeFilter(seen, "a");
      const changed = open({ ...options, ...other }, redis, `${backend.prefix}:${number}`);
      for (const call of [
        () => changed.add("a", "x"),
        () => changed.mightContain("a", "x"),
        () => describeFilter(changed, "a"),
      ]) {
        const message = expect.stringContaining(name);
        await expect(call()).rejects.toMatchObject({ code: "FILTER_MISMATCH", message });
      }
      expect(await own("request")).toEqual([]);
      expect(await describeFilter(seen, "a")).toEqual(before);
      expect(await seen.mightContain("a", "x")).toBe(true);
      await changed.clear("a");
      expect(await changed.add("a", "x")).toEqual({ added: true });
    });

    it.each<[string, readonly [string, ...string[]], string]>([
      ["a text", ["SET", "a text of another program, longer than a header"], "FILTER_MISMATCH"],
      ["a short text", ["SET", "x"], "FILTER_MISMATCH"],
      ["a list", ["RPUSH", "x"], "WRONGTYPE"],
    ])("refuses %s of another program, and changes nothing", async (_, [command, value = ""], code) => {
      const seen = open(options);
      await seen.add("a", "x");
      const [key = ""] = await own();
      await redis.send(["DEL", key]);
      await redis.send([command, key, value]);
      await redis.send(["PEXPIRE", key, minutes(5)]);
      for (const call of [seen.add, seen.mightContain, (id: string) => describeFilter(seen, id)])
        await expect(call("a", "x")).rejects.toMatchObject({ code });
      const kept = command === "SET" ? await redis.send(["GET", key]) : await redis.send(["LINDEX", key, 0]);
      expect(kept).toBe(value);
    });

    it("is not cleared where the key is a list of another program, which stays", async () => {
      const seen = open(options);
      await seen.add("a", "x");
      const [key = ""] = await own();
      await redis.send(["DEL", key]);
      await redis.send(["RPUSH", key, "v"]);
      await redis.send(["PEXPIRE", key, 60_000]);
      await expect(seen.clear("a")).rejects.toMatchObject({ code: "WRONGTYPE" });
      expect(await redis.send(["LLEN", key])).toBe(1);
    });

    it("has items of any well-formed text, and refuses what has no form of its own in UTF-8", async () => {
      const seen = open(options);
      const items = ["漢é😀", "\u0000", " ", "%", "{}", "x".repeat(10_000), "a b", "1", "true", "__proto__"];
      await addMany(seen, "{a}%", items);
      expect(await mightContainMany(seen, "{a}%", items)).toEqual(items.map(() => true));
      expect(await mightContainMany(seen, "{a}%", ["\u0000\u0000", "é漢", "TRUE"])).toEqual([false, false, false]);
      for (const item of ["\ud800", "a\udc00b", "", 5 as never, null as never, undefined as never]) {
        await expect(seen.add("a", item)).rejects.toThrow(/`item`/);
        await expect(seen.mightContain("a", item)).rejects.toThrow(/`item`/);
        await expect(addMany(seen, "a", ["good", item])).rejects.toThrow(OptionError);
      }
    });

    backend.it("tells how full it is", async () => {
      const seen = open(options);
      const empty = await describeFilter(seen, "a");
      expect(empty).toMatchObject({ fill: 0, estimatedItems: 0, errorRate: 0 });
      for (let i = 0; i < 5; i += 1) {
        const items = Array.from({ length: 100 }, (_, n) => `${i} ${n}`);
        await addMany(seen, "a", items);
        await addMany(seen, "a", items);
      }
      const half = await describeFilter(seen, "a");
      expect(half.estimatedItems / 500).toBeGreaterThan(0.9);
      expect(half.estimatedItems / 500).toBeLessThan(1.1);
      expect(half.fill).toBeGreaterThan(0.25);
      expect(half.fill).toBeLessThan(0.35);
      expect(half.errorRate).toBeGreaterThan(0);
      expect(half.errorRate).toBeLessThan(0.01);
      const keys = await own();
      const bytes = await Promise.all(keys.map(async (key) => integer(await redis.send(["STRLEN", key]))));
      const [length = 0] = bytes;
      expect(length * (options.window === undefined ? 1 : 2)).toBe(half.bytes);
      const counted = await Promise.all(keys.map(async (key) => integer(await redis.send(["BITCOUNT", key, 20, -1]))));
      expect(Math.max(...counted) / (length * 8)).toBeCloseTo(half.fill, 1);
    });

    it("estimates a number also where all bits are set", async () => {
      const seen = open({ ...options, capacity: 1, errorRate: 0.5 });
      for (let i = 0; i < 5; i += 1) await addMany(seen, "a", [`${i}`, `${i} more`, `${i} and more`]);
      const full = await describeFilter(seen, "a");
      expect(full).toMatchObject({ fill: 1, errorRate: 1 });
      expect(full.estimatedItems).toBeGreaterThan(1);
      expect(full.estimatedItems).toBeLessThan(20);
    });

    it("counts the bits that are set to the last one", async () => {
      const seen = open(options);
      for (let i = 0; i < 20; i += 1) await seen.add("a", `${i % 15}`);
      await addMany(seen, "a", ["5", "16", "16", "17"]);
      const [key = ""] = await own();
      const counted = integer(await redis.send(["BITCOUNT", key, 20, -1]));
      expect(await redis.send(["BITFIELD_RO", key, "GET", "u32", 128])).toEqual([counted]);
    });
  });

  it("costs a test one BITFIELD_RO and nothing else, for one item and for many", async () => {
    const seen = open();
    await seen.add("a", "x");
    expect(await backend.count(() => seen.mightContain("a", "x"))).toEqual({ bitfield_ro: 1 });
    expect(await backend.count(() => mightContainMany(seen, "a", ["x", "y", "z"]))).toEqual({ bitfield_ro: 1 });
    expect(await backend.count(() => describeFilter(seen, "a"))).toEqual({ bitfield_ro: 1 });
    const forgetful = open(rotating);
    await forgetful.add("a", "x");
    await forgetful.mightContain("a", "x");
    const looking = { evalsha: 1, time: 1, bitfield_ro: 2 };
    expect(await backend.count(() => forgetful.mightContain("a", "x"))).toEqual(looking);
    expect(await backend.count(() => mightContainMany(forgetful, "a", ["x", "y"]))).toEqual(looking);
    expect(await backend.count(() => describeFilter(forgetful, "a"))).toEqual(looking);
  });

  it("costs a change one script", async () => {
    const seen = open();
    await seen.add("a", "x");
    await seen.add("b", "x");
    await seen.clear("b");
    await seen.clear("a");
    await seen.add("a", "x");
    const adding = { evalsha: 1, get: 1, bitfield_ro: 1, bitfield: 1, pexpire: 1, set: 1 };
    expect(await backend.count(() => seen.add("a", "y"))).toEqual(adding);
    expect(await backend.count(() => addMany(seen, "a", ["z", "u"]))).toEqual(adding);
    const known = { evalsha: 1, get: 1, bitfield_ro: 1, pexpire: 1, set: 1 };
    expect(await backend.count(() => seen.add("a", "y"))).toEqual(known);
    expect(await backend.count(() => seen.add("b", "first"))).toEqual({ ...adding, exists: 1 });
    expect(await backend.count(() => seen.clear("a"))).toEqual({ evalsha: 1, get: 1, strlen: 1, unlink: 1, set: 1 });
    const forgetful = open(rotating);
    await forgetful.add("a", "x");
    const { pexpire: _, ...rest } = adding;
    const both = { ...rest, time: 1, bitfield_ro: 2, exists: 1, pexpireat: 1 };
    expect(await backend.count(() => forgetful.add("a", "y"))).toEqual(both);
  });

  it("lives for its `ttl` after the last item, and remembers a request for `requestTtl`", async () => {
    const seen = open({ ...lasting, requestTtl: minutes(3) });
    await seen.add("a", "x");
    const [key = ""] = await own();
    await redis.send(["PEXPIRE", key, 5_000]);
    await seen.add("a", "x", { requestId: "r" });
    expect(await ttlOf(key)).toBeGreaterThan(minutes(9));
    expect(await ttlOf(key)).toBeLessThanOrEqual(minutes(10));
    const [request = ""] = await own("request");
    expect(await ttlOf(request)).toBeGreaterThan(minutes(2));
    expect(await ttlOf(request)).toBeLessThanOrEqual(minutes(3));
    for (const once of await own("once")) expect(await ttlOf(once)).toBeLessThanOrEqual(minutes(1));
  });

  it("is kept for ever where it is permanent", async () => {
    const seen = open({ ...lasting, ttl: "permanent" }, redis, `${backend.prefix}:permanent`);
    await seen.add("a", "x");
    expect(await ttlOf(`bloom:${backend.prefix}:permanent:{a}:filter`)).toBe(-1);
  });

  it("has room for its capacity alone in what it allocates, so that the first item allocates all of it", async () => {
    const seen = open({ ttl: minutes(1) });
    await seen.add("a", "x");
    const [key = ""] = await own();
    expect(await redis.send(["STRLEN", key])).toBe(1_198_153);
    expect(await describeFilter(seen, "a")).toMatchObject({ bytes: 1_198_153 });
    await seen.clear("a");
  });

  it("has other bits with a secret, the same for who knows it", async () => {
    const secret = "0123456789abcdef0123456789abcdef";
    const seen = open({ ...lasting, secret });
    await seen.add("a", "x");
    const [key = ""] = await own();
    const again = open({ ...lasting, secret }, redis, `${backend.prefix}:${number}`);
    expect(await again.mightContain("a", "x")).toBe(true);
    const bits = await redis.send(["BITCOUNT", key, 20, -1]);
    expect(bits).toBe(7);
    const [secretBits, plainBits] = [await redis.send(["BITPOS", key, 1, 20]), await open().add("a", "x")];
    expect(plainBits).toEqual({ added: true });
    const [plain = ""] = await own();
    expect(await redis.send(["BITPOS", plain, 1, 20])).not.toBe(secretBits);
  });

  it.each<[string, object]>([
    ["capacity", { capacity: 0 }],
    ["capacity", { capacity: 1e9 }],
    ["capacity", { capacity: "5" }],
    ["errorRate", { errorRate: 1 }],
    ["errorRate", { errorRate: 0 }],
    ["errorRate", { errorRate: Number.NaN }],
    ["ttl", { ttl: 0 }],
    ["ttl", { ttl: null }],
    ["ttl", { ttl: undefined }],
    ["window", { window: minutes(1) }],
    ["window", { ttl: undefined, window: 0 }],
    ["window", { ttl: undefined, window: null }],
    ["window", { ttl: undefined, window: 1e15 }],
    ["secret", { secret: "short" }],
    ["secret", { secret: null }],
    ["requestTtl", { requestTtl: -1 }],
    ["prefix", { prefix: "{}" }],
  ])("refuses a `%s` that can never work: %j", (name, wrong) => {
    expect(() => open({ ...lasting, ...wrong })).toThrow(`\`${name}\``);
  });

  it.each<[string, (seen: BloomFilter) => Promise<unknown>]>([
    ["options", (seen) => seen.add("a", "x", 5 as never)],
    ["options", (seen) => seen.add("a", "x", null as never)],
    ["options", (seen) => seen.mightContain("a", "x", 5 as never)],
    ["options", (seen) => seen.clear("a", "r" as never)],
    ["signal", (seen) => seen.mightContain("a", "x", { signal: null as never })],
    ["requestId", (seen) => seen.add("a", "x", { requestId: "" })],
    ["requestId", (seen) => addMany(seen, "a", ["x"], { requestId: "r".repeat(257) })],
    ["id", (seen) => seen.add("", "x")],
    ["id", (seen) => seen.mightContain(5 as never, "x")],
    ["id", (seen) => seen.clear("")],
    ["items", (seen) => addMany(seen, "a", Array.from({ length: 101 }, String))],
    ["items", (seen) => mightContainMany(seen, "a", Array.from({ length: 101 }, String))],
    ["items", (seen) => mightContainMany(seen, "a", "x" as never)],
    ["filter", () => describeFilter({} as never, "a")],
    ["filter", () => addMany(null as never, "a", [])],
  ])("refuses a wrong shape of `%s`, and sends nothing", async (name, call) => {
    const port = withFaults(redis);
    const message = expect.stringContaining(`\`${name}\``);
    await expect(call(open(lasting, port))).rejects.toMatchObject({ code: "OPTION", message });
    expect(port.counts().trips).toBe(0);
  });

  it("is left by a caller whose signal ends, who gets its reason", async () => {
    const seen = open();
    const left = new Error("left");
    const signal = AbortSignal.abort(left);
    await expect(seen.add("a", "x", { signal })).rejects.toBe(left);
    await expect(seen.mightContain("a", "x", { signal })).rejects.toBe(left);
    await expect(seen.clear("a", { signal })).rejects.toBe(left);
  });

  it("takes the largest call of the smallest error rate", async () => {
    const seen = open({ ...lasting, capacity: 100, errorRate: 1e-9 });
    const items = Array.from({ length: 100 }, (_, i) => `item ${i}`);
    expect(await addMany(seen, "a", items)).toEqual(items.map(() => true));
    expect(await mightContainMany(seen, "a", items)).toEqual(items.map(() => true));
    expect(await addMany(seen, "a", items)).toEqual(items.map(() => false));
  });
});
