import { parse, stringify } from "devalue";
import { describe, expect, it } from "vitest";
import {
  type CacheOptions,
  createCache,
  deflate,
  getOrSetMany,
  invalidatePrefix,
  plainJson,
  updateEntry,
  ValueTooLargeError,
  writeThrough,
} from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { text } from "../../src/core/port/reply.ts";
import { counted } from "../fixtures/cache-tools.ts";
import v1 from "../fixtures/cache-v1.json" with { type: "json" };
import { bareKeys, onEveryBackend } from "../support/backends.ts";

const devalue = { name: "devalue", encode: stringify, decode: parse };

/** What the entries of the fixture are, by id: it was written by the release that first had the format, and is never written again. */
const kept: Record<string, unknown> = {
  plain: { a: 1, b: "ü€😀;,=" },
  loaded: [1, 2, 3],
  stale: "may be served later",
  null: null,
  undefined,
  zero: 0,
  empty: "",
  false: false,
  codec: {
    at: new Date("2026-01-02T03:04:05Z"),
    big: 12n,
    set: new Set([1]),
    bytes: new Uint8Array([0, 255, 128]),
  },
  compressed: "ü".repeat(3_000),
  "compressed codec": { at: new Date("2026-01-02T03:04:05Z"), text: "x".repeat(100) },
  overflow: "y".repeat(100),
  "compressed overflow": "z".repeat(2_000),
  tagged: { name: "tagged" },
  clearable: 7,
};

onEveryBackend(
  "the cache's entries",
  (backend) => {
    let serial = 0;
    const setUp = async <T>(more: Partial<CacheOptions<T>> = {}) => {
      serial += 1;
      const prefix = `${backend.prefix}:e${serial}`;
      const redis = await backend.connect();
      const events: PatternEvent[] = [];
      const { port, trips } = counted(redis);
      const cache = createCache<T>(port, {
        prefix,
        ttl: 60_000,
        timeout: 10_000,
        onEvent: (event) => events.push(event),
        ...more,
      });
      const rawOf = async (id: string) => text(await redis.send(["GET", `cache:${prefix}:{${id}}`]));
      return { cache, prefix, redis, events, trips, rawOf };
    };

    it("costs at most 40 bytes beyond the payload, and is no JSON", async () => {
      const { cache, rawOf } = await setUp<{ name: string }>({
        staleIfError: 86_400_000,
        staleWhileRevalidate: 3_600_000,
      });
      const value = { name: "x".repeat(100) };
      await cache.getOrSet("k", () => value);
      const raw = await rawOf("k");
      expect(raw.length - JSON.stringify(value).length).toBeLessThanOrEqual(40);
      expect(() => JSON.parse(raw)).toThrow(SyntaxError);
    });

    describe("of the first format", () => {
      const elsewhere = new Map(Object.entries(v1.overflow));
      const overflow = { put: async () => "never", get: async (name: string) => elsewhere.get(name) ?? null };
      /** Puts the stored bytes under a prefix of this test. */
      const restored = async (change: (raw: string) => string = (raw) => raw) => {
        const opened = await setUp<unknown>({ codec: devalue, compression: deflate(), overflow });
        for (const [key, base64] of Object.entries(v1.keys)) {
          const raw = new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
          await opened.redis.send(["SET", key.replace(/\bv1/, opened.prefix), change(raw), "PX", 90_060_000]);
        }
        return opened;
      };

      it("are read", async () => {
        const { cache, prefix, redis } = await restored();
        for (const [id, value] of Object.entries(kept)) expect([id, await cache.peek(id)]).toEqual([id, { value }]);
        const stale = createCache(redis, {
          prefix,
          ttl: 60_000,
          timeout: 10_000,
          staleWhileRevalidate: 1_000,
          readBy: "script",
        });
        expect(await stale.resolve("plain", () => "loaded")).toMatchObject({ value: kept["plain"], source: "hit" });
        const json = createCache(redis, { prefix, ttl: 60_000, timeout: 10_000, format: plainJson });
        expect(await json.get("{json}")).toEqual({ plain: true });
      });

      it("have the tags that they had", async () => {
        const { cache, prefix, redis } = await restored();
        const tags = ["team:7", "a,b=c;d", "%ü"];
        expect(await cache.get("tagged", { tags })).toEqual(kept["tagged"]);
        expect(await cache.invalidateTags(["a,b=c;d"])).toBe(1);
        expect(await cache.peek("tagged")).toBeNull();
        const clearable = createCache(redis, { prefix, ttl: 60_000, timeout: 10_000, clearable: true });
        expect(await clearable.peek("clearable")).toEqual({ value: 7 });
        await clearable.clear();
        expect(await clearable.peek("clearable")).toBeNull();
      });

      it("are misses if they say that they are of a later one", async () => {
        const { cache } = await restored((raw) => raw.replace(/^~1/, "~2"));
        for (const id of Object.keys(kept)) expect([id, await cache.peek(id)]).toEqual([id, null]);
        expect(await cache.getOrSet("plain", () => "new")).toBe("new");
        expect(await cache.get("plain")).toBe("new");
      });
    });

    it("tells an undefined that was kept from a miss", async () => {
      const { cache } = await setUp<number | undefined>();
      await cache.set("k", undefined);
      expect(await cache.peek("k")).toEqual({ value: undefined });
      expect(await cache.peek("none")).toBeNull();
    });

    it("keeps what JSON cannot with a codec, and plain JSON as plain JSON", async () => {
      const { cache, rawOf } = await setUp<unknown>({ codec: devalue });
      const values = {
        date: new Date(0),
        bigint: 2n ** 70n,
        map: new Map([["a", new Set([1])]]),
        bytes: new Uint8Array([0, 255]),
        nested: { a: [undefined, Number.NaN, -0] },
      };
      for (const [id, value] of Object.entries(values)) {
        await cache.set(id, value);
        expect(await cache.get(id)).toEqual(value);
        expect(await rawOf(id)).toMatch(/^~1c:devalue,/);
      }
      await cache.set("plain", { a: [1, "b", null, true] });
      expect(await rawOf("plain")).toMatch(/^~1j/);
    });

    describe("of values that JSON changes", () => {
      class Money {
        constructor(readonly cents: number) {}
      }
      const cycle: { self?: unknown } = {};
      cycle.self = cycle;
      const changed: readonly (readonly [told: string, value: unknown])[] = [
        ["`value.user.createdAt` is of type Date", { user: { createdAt: new Date() } }],
        ["`value` is of type Date", new Date()],
        ["`value[1]` is of type Map", [1, new Map()]],
        ["`value.bytes` is of type Uint8Array", { bytes: new Uint8Array(1) }],
        ["`value.reply` is of type Headers", { reply: new Headers() }],
        ["`value.price` is of type Money", { price: new Money(1) }],
        ["`value.n` is of type bigint", { n: 1n }],
        ["`value.n` is NaN", { n: Number.NaN }],
        ["`value[0]` is undefined", [undefined]],
        ["`value` contains itself", cycle],
      ];

      it.each(changed)("refuses them by name, and tells of those that were loaded: %s", async (told, value) => {
        const { cache, events, trips } = await setUp<unknown>();
        const refused = { name: "OptionError", message: expect.stringContaining(told) };
        await expect(cache.set("k", value)).rejects.toMatchObject(refused);
        await expect(cache.setMany([["k", value]])).rejects.toMatchObject(refused);
        expect(trips).toEqual([]);
        await expect(updateEntry(cache, "k", () => value)).rejects.toMatchObject(refused);
        expect(events.filter(({ type }) => type === "error")).toEqual([]);
        expect(await cache.getOrSet("k", () => value)).toBe(value);
        expect(await getOrSetMany(cache, ["many"], () => new Map([["many", value]]))).toEqual([value]);
        expect(await writeThrough(cache, "through", () => value)).toBe(value);
        const errors = events.filter(({ type }) => type === "error");
        const ids = ["k", "many", "through"];
        expect(errors).toMatchObject(ids.map((id) => ({ id, error: refused })));
        expect(await cache.getMany(ids)).toEqual(ids.map(() => undefined));
      });

      it("keeps what JSON gives back equal", async () => {
        const { cache } = await setUp<unknown>();
        let deep: unknown = 1;
        for (let i = 0; i < 1_000; i += 1) deep = [deep];
        const shared = { a: 1 };
        const values = { deep, none: { a: undefined, b: 1 }, shared: [shared, shared], bare: Object.create(null) };
        for (const [id, value] of Object.entries(values)) {
          await cache.set(id, value);
          expect(await cache.get(id)).toEqual(value);
        }
      });
    });

    it("counts an entry of a codec that it lacks as a miss", async () => {
      const { cache, prefix } = await setUp<unknown>({ codec: devalue });
      await cache.set("k", new Date(0));
      const plain = createCache(await backend.connect(), { prefix, ttl: 60_000, timeout: 10_000 });
      expect(await plain.get("k")).toBeUndefined();
      expect(await plain.getOrSet("k", () => "new")).toBe("new");
    });

    it("compresses from the threshold on", async () => {
      const { cache, rawOf } = await setUp<string>({ compression: deflate({ threshold: 1_000 }) });
      const long = "ü€😀 and so on, ".repeat(2_000);
      await cache.set("long", long);
      await cache.set("short", "short");
      expect(await cache.getMany(["long", "short"])).toEqual([long, "short"]);
      expect((await rawOf("long")).length).toBeLessThan(long.length / 10);
      expect(await rawOf("short")).toContain('"short"');
    });

    describe("values beyond `maxBytes`", () => {
      it("are refused by `set`, and returned but not kept by `getOrSet`", async () => {
        const { cache, events, trips } = await setUp<string>({ maxBytes: 100 });
        await expect(cache.set("k", "ü".repeat(60))).rejects.toThrow(ValueTooLargeError);
        expect(trips).toEqual([]);
        await cache.set("fits", "ü".repeat(49));
        expect(await cache.getOrSet("k", () => "x".repeat(200))).toHaveLength(200);
        expect(events.find(({ type }) => type === "error")?.error).toBeInstanceOf(ValueTooLargeError);
        expect(await cache.get("k")).toBeUndefined();
      });

      it("go to the overflow, and are a miss when they are gone from it", async () => {
        const objects = new Map<string, string>();
        const overflow = {
          async put(id: string, text: string) {
            objects.set(`object-${id}`, text);
            return `object-${id}`;
          },
          get: async (name: string) => objects.get(name) ?? null,
        };
        const { cache, rawOf } = await setUp<string>({
          maxBytes: 100,
          overflow,
          compression: deflate({ threshold: 5_000 }),
        });
        const long = "x".repeat(1_000);
        expect(await cache.getOrSet("k", () => long)).toBe(long);
        expect(await cache.get("k")).toBe(long);
        expect(await rawOf("k")).toMatch(/^~1jx.*;[0-9a-f]{8}object-k$/);
        objects.clear();
        expect(await cache.getOrSet("k", () => "new")).toBe("new");
      });
    });

    it("counts what does not fit the schema as a miss", async () => {
      const schema = {
        "~standard": {
          validate: async (value: unknown) =>
            typeof value === "number" ? { value: value + 0.5 } : { issues: [{ message: "no number" }] },
        },
      };
      const { cache, prefix } = await setUp<number>({ schema });
      const other = createCache(await backend.connect(), { prefix, ttl: 60_000, timeout: 10_000 });
      await other.set("k", "text");
      expect(await cache.get("k")).toBeUndefined();
      expect(await cache.getOrSet("k", () => 1)).toBe(1);
      expect(await cache.get("k")).toBe(1.5);
    });

    describe("plain JSON", () => {
      it("reads and writes what other languages do", async () => {
        const { cache, prefix, redis } = await setUp<unknown>({ format: plainJson });
        await cache.set("42", { a: 1 });
        expect(text(await redis.send(["GET", `${prefix}:42`]))).toBe('{"a":1}');
        await redis.send(["SET", `${prefix}:43`, "[1,2]", "PX", 60_000]);
        await redis.send(["SET", `${prefix}:44`, "no JSON", "PX", 60_000]);
        expect(await cache.getOrSet("43", () => "loaded")).toEqual([1, 2]);
        expect(await cache.getOrSet("44", () => "loaded")).toBe("loaded");
        expect(await cache.getOrSet("{tag}:45", () => null)).toBeNull();
        expect(await cache.getOrSet("{tag}:45", () => "loaded")).toBeNull();
        expect(await cache.delete("42")).toBe(true);
      });

      it("keeps the lease: a deletion wins over a load", async () => {
        const { cache } = await setUp<string>({ format: plainJson });
        await cache.getOrSet("k", async () => {
          await cache.delete("k");
          return "old";
        });
        expect(await cache.get("k")).toBeUndefined();
      });

      it("refuses what it has no room for", async () => {
        const { cache } = await setUp<unknown>({ format: plainJson });
        await expect(cache.set("k", undefined)).rejects.toThrow(OptionError);
        await expect(cache.set("k", 1, { tags: ["t"] })).rejects.toThrow(OptionError);
        await expect(cache.getOrSet("k", () => 1, { tags: ["t"] })).rejects.toThrow(OptionError);
        await expect(setUp({ format: plainJson, staleIfError: 1_000 })).rejects.toThrow(OptionError);
        await expect(setUp({ format: plainJson, codec: devalue })).rejects.toThrow(OptionError);
        await expect(invalidatePrefix(cache, "k")).rejects.toThrow(OptionError);
      });
    });
  },
  bareKeys,
);
