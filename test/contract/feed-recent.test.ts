import { beforeAll, describe, expect, it } from "vitest";
import { createRecent, type RecentOptions } from "../../src/core/patterns/feed/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { bareKeys, onEveryBackend } from "../support/backends.ts";

onEveryBackend(
  "a list of recent items",
  (backend) => {
    let redis: Redis;
    let number = 0;
    beforeAll(async () => {
      redis = await backend.connect();
    });
    const open = (options: Partial<RecentOptions> = {}, port = redis) =>
      createRecent(port, { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}`, ...options });
    const key = (id = "ada") => `${backend.prefix}:${number}:${id}`;

    it("has the last items, the newest first, and no more than its length", async () => {
      const recent = open({ length: 3 });
      for (const n of [1, 2, 3, 4]) await recent.push("ada", { viewed: n });
      expect(await recent.list("ada")).toEqual([{ viewed: 4 }, { viewed: 3 }, { viewed: 2 }]);
      expect(await recent.list("ada", { limit: 1 })).toEqual([{ viewed: 4 }]);
      expect(await recent.list("ada", { limit: 100 })).toHaveLength(3);
      expect(await recent.list("nobody")).toEqual([]);
      const prefix = `${backend.prefix}:${number}`;
      await createRecent(redis, { prefix, ttl: 60_000, length: 1 }).push("ada", 5);
      expect(await recent.list("ada")).toEqual([5]);
    });

    it("keeps ten items if nothing else is said", async () => {
      const recent = open();
      await Promise.all(Array.from({ length: 50 }, (_, n) => recent.push("ada", n)));
      expect(await redis.send(["LLEN", key()])).toBe(10);
    });

    it("is read by other programs: a list of JSON under the bare name `prefix:id`", async () => {
      const recent = open();
      await recent.push("ada", { viewed: 7, é: "漢" });
      await recent.push("ada", null);
      expect(await redis.send(["LRANGE", key(), 0, -1])).toEqual(["null", '{"viewed":7,"é":"漢"}']);
      await redis.send(["LPUSH", key(), ' { "viewed": 8 } ']);
      expect(await recent.list("ada")).toEqual([{ viewed: 8 }, null, { viewed: 7, é: "漢" }]);
      await redis.send(["LPUSH", key(), "not JSON"]);
      await expect(recent.list("ada")).rejects.toMatchObject({ code: "SHAPE" });
    });

    it("moves an item that it has to the front, where it is unique", async () => {
      const recent = open({ length: 3 });
      for (const n of [1, 2, 1, 3]) await recent.push("ada", { n }, { unique: true });
      expect(await recent.list("ada")).toEqual([{ n: 3 }, { n: 1 }, { n: 2 }]);
      await recent.push("ada", { n: 3 });
      expect(await recent.list("ada")).toEqual([{ n: 3 }, { n: 3 }, { n: 1 }]);
      await recent.push("ada", { n: 3 }, { unique: true });
      expect(await recent.list("ada")).toEqual([{ n: 3 }, { n: 1 }]);
    });

    it("loses an item by its value, and all of them when it is cleared", async () => {
      const recent = open();
      for (const n of [1, 2, 1]) await recent.push("ada", { n });
      expect(await recent.remove("ada", { n: 1 })).toBe(2);
      expect(await recent.remove("ada", { n: 1 })).toBe(0);
      expect(await recent.list("ada")).toEqual([{ n: 2 }]);
      await recent.clear("ada");
      await recent.clear("nobody");
      expect(await recent.list("ada")).toEqual([]);
    });

    it("is never too long for anybody who looks (LPUSH + LTRIM in a pipeline is not atomic)", async () => {
      const recent = open();
      for (let n = 0; n < 10; n += 1) await recent.push("ada", n);
      const rival = key("rival");
      await redis.send(["RPUSH", rival, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      await redis.send(["PEXPIRE", rival, 60_000]);
      // What another client sees between the two commands of a pipeline, or if the second never comes.
      await redis.send(["LPUSH", rival, "10"]);
      expect(await redis.send(["LLEN", rival])).toBe(11);
      await redis.send(["LTRIM", rival, 0, 9]);
      const counting = withFaults(redis);
      const ours = createRecent(counting, { prefix: `${backend.prefix}:${number}`, ttl: 60_000 });
      const { evalsha, lpush, ltrim } = await backend.count(() => ours.push("ada", 10));
      expect([counting.counts().trips, evalsha, lpush, ltrim]).toEqual([1, 1, 1, 1]);
      const other = await backend.connect();
      const looks = Array.from({ length: 50 }, () => other.send(["LLEN", key()]));
      const pushes = Array.from({ length: 50 }, (_, n) => recent.push("ada", n));
      expect(new Set(await Promise.all(looks))).toEqual(new Set([10]));
      await Promise.all(pushes);
    });

    it("lives for its TTL after each change, and not for ever (no TTL on idle feeds)", async () => {
      const recent = open({ ttl: minutes(5) });
      const pttl = async () => integer(await redis.send(["PTTL", key()]));
      for (const change of [
        () => recent.push("ada", 1),
        () => recent.push("ada", 2, { unique: true }),
        () => recent.remove("ada", 1),
      ]) {
        await change();
        expect(await pttl()).toBeGreaterThan(minutes(4));
        expect(await pttl()).toBeLessThanOrEqual(minutes(5));
        await redis.send(["PEXPIRE", key(), 60_000]);
      }
    });

    it("stays for ever where it is permanent", async () => {
      const prefix = `${backend.prefix}:permanent`;
      await createRecent(redis, { prefix, ttl: 60_000 }).push("ada", 1);
      await createRecent(redis, { prefix, ttl: "permanent" }).push("ada", 1);
      expect(await redis.send(["PTTL", `${prefix}:ada`])).toBe(-1);
      // The suite looks for what has no TTL, and knows other names of what may.
      await redis.send(["DEL", `${prefix}:ada`]);
    });

    it("takes ids of any text, each in one slot with what remembers its requests", async () => {
      const recent = open();
      const ids = [
        "a:b",
        "{x}",
        "x{y}z",
        "}",
        "{",
        "{}",
        "*",
        "ü",
        "%7B",
        "50%",
        "\n",
        "\ud800",
        "\udc00",
        "__proto__",
      ];
      for (const [n, id] of ids.entries()) await recent.push(id, n, { requestId: id });
      for (const [n, id] of ids.entries()) expect(await recent.list(id), id).toEqual([n]);
      const own = (await backend.keys()).filter((name) => name.includes(`${backend.prefix}:${number}:`));
      expect(own).toHaveLength(2 * ids.length);
      await expect(recent.push("u".repeat(10_241), 1)).rejects.toMatchObject({ code: "OPTION" });
    });

    it("costs one trip and one command a call", async () => {
      const counting = withFaults(redis);
      const recent = open({}, counting);
      for (const unique of [true, false]) await recent.push("ada", 1, { unique });
      await recent.remove("ada", 2);
      await recent.clear("ada");
      counting.reset();
      const once = { evalsha: 1, get: 1, set: 1 };
      const pushed = { ...once, lpush: 1, ltrim: 1, pexpire: 1 };
      expect(await backend.count(() => recent.push("ada", 2))).toEqual(pushed);
      expect(await backend.count(() => recent.push("ada", 2, { unique: true }))).toEqual({ ...pushed, lrem: 1 });
      expect(await backend.count(() => recent.list("ada"))).toEqual({ lrange: 1 });
      expect(await backend.count(() => recent.remove("ada", 2))).toEqual({ ...once, lrem: 1, pexpire: 1 });
      expect(await backend.count(() => recent.clear("ada"))).toEqual({ ...once, llen: 1, del: 1 });
      expect(counting.counts().trips).toBe(5);
    });

    it("leaves alone what another program keeps under its name", async () => {
      const recent = open();
      await redis.send(["SET", key(), "v", "PX", 60_000]);
      for (const call of [
        () => recent.push("ada", 1),
        () => recent.push("ada", 1, { unique: true }),
        () => recent.list("ada"),
        () => recent.remove("ada", 1),
        () => recent.clear("ada"),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: "WRONGTYPE" });
      }
      expect(await redis.send(["GET", key()])).toBe("v");
    });

    describe("names the option that can never work", () => {
      it.each<[string, Record<string, unknown>]>([
        ["prefix", { prefix: "" }],
        ["prefix", { prefix: "{a}" }],
        ["ttl", { ttl: 0 }],
        ["ttl", { ttl: null }],
        ["ttl", { ttl: "forever" }],
        ["length", { length: 0 }],
        ["length", { length: 10_001 }],
        ["length", { length: null }],
        ["maxBytes", { maxBytes: 0 }],
        ["requestTtl", { requestTtl: 0 }],
      ])("of the factory: %s", (name, options) => {
        expect(() => open(options as never)).toThrow(`\`${name}\``);
      });

      it.each<[string, (recent: ReturnType<typeof open>) => Promise<unknown>]>([
        ["id", (recent) => recent.push("", 1)],
        ["id", (recent) => recent.list(7 as never)],
        ["id", (recent) => recent.clear(undefined as never)],
        ["item", (recent) => recent.push("ada", new Date(0))],
        ["item", (recent) => recent.push("ada", undefined)],
        ["item.at", (recent) => recent.remove("ada", { at: 1n })],
        ["options", (recent) => recent.push("ada", 1, 5 as never)],
        ["options", (recent) => recent.clear("ada", null as never)],
        ["options", (recent) => recent.list("ada", 5 as never)],
        ["unique", (recent) => recent.push("ada", 1, { unique: 1 as never })],
        ["limit", (recent) => recent.list("ada", { limit: 0 })],
        ["limit", (recent) => recent.list("ada", { limit: 10_001 })],
        ["limit", (recent) => recent.list("ada", { limit: null as never })],
        ["requestId", (recent) => recent.remove("ada", 1, { requestId: "" })],
        ["signal", (recent) => recent.list("ada", { signal: {} as never })],
      ])("of a call: %s", async (name, call) => {
        await expect(call(open())).rejects.toMatchObject({
          code: "OPTION",
          message: expect.stringContaining(`\`${name}`),
        });
      });

      it("but removes an item that was pushed when items could be larger", async () => {
        const item = { text: "x".repeat(200) };
        await open().push("ada", item);
        const prefix = `${backend.prefix}:${number}`;
        expect(await open({ maxBytes: 100, prefix }).remove("ada", item)).toBe(1);
      });

      it("where an item is larger than it may be", async () => {
        const recent = open({ maxBytes: 10 });
        await recent.push("ada", "12345678");
        await expect(recent.push("ada", "123456789")).rejects.toMatchObject({ code: "TOO_LARGE", bytes: 11 });
        await expect(recent.push("ada", "漢漢漢")).rejects.toThrow("store a reference");
      });
    });
  },
  bareKeys,
);
