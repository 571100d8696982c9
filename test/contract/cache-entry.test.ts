import * as devalue from "devalue";
import { describe, expect, it } from "vitest";
import { type CacheOptions, createCache, deflate, ValueTooLargeError } from "../../src/core/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { text } from "../../src/core/reply.ts";
import { counted } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

/** Entries as each released format wrote them. Later code reads them all. */
const released = [
  { format: 1, raw: '~1j,,2s,abc123;{"a":1}', value: { a: 1 } },
  { format: 1, raw: "~1u,,,abc123;", value: undefined },
  { format: 1, raw: '~1c,,,abc123;[["Date","2026-01-02T03:04:05.000Z"]]', value: new Date("2026-01-02T03:04:05Z") },
  { format: 1, raw: "~1jz,,,abc123;U0osAA==", value: "" },
] as const;

onEveryBackend("the cache's entries", (backend) => {
  let serial = 0;
  const setUp = async <T>(more: Partial<CacheOptions<T>> = {}) => {
    serial += 1;
    const prefix = `${backend.prefix}:e${serial}`;
    const redis = await backend.connect();
    const events: PatternEvent[] = [];
    const { port, trips } = counted(redis);
    const cache = createCache<T>(port, { prefix, ttl: 60_000, onEvent: (event) => events.push(event), ...more });
    const rawOf = async (id: string) => text(await redis.send(["GET", `${prefix}:{${id}}`]));
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

  it("reads what each released format wrote", async () => {
    const { cache, prefix, redis } = await setUp<unknown>({ codec: devalue, compression: deflate() });
    const compressed = await deflate().compress('""');
    for (const { raw, value } of released) {
      const entry = raw.startsWith("~1jz") ? `~1jz,,,abc123;${compressed}` : raw;
      await redis.send(["SET", `${prefix}:{k}`, entry, "PX", 60_000]);
      expect(await cache.peek("k")).toEqual({ value });
    }
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
      expect(await rawOf(id)).toMatch(/^~1c/);
    }
    await cache.set("plain", { a: [1, "b", null, true] });
    expect(await rawOf("plain")).toMatch(/^~1j/);
  });

  it("counts an entry of a codec that it lacks as a miss", async () => {
    const { cache, prefix } = await setUp<unknown>({ codec: devalue });
    await cache.set("k", new Date(0));
    const plain = createCache(await backend.connect(), { prefix, ttl: 60_000 });
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
      expect(await rawOf("k")).toMatch(/^~1jx.*;object-k$/);
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
    const other = createCache(await backend.connect(), { prefix, ttl: 60_000 });
    await other.set("k", "text");
    expect(await cache.get("k")).toBeUndefined();
    expect(await cache.getOrSet("k", () => 1)).toBe(1);
    expect(await cache.get("k")).toBe(1.5);
  });

  describe("plain JSON", () => {
    it("reads and writes what other languages do", async () => {
      const { cache, prefix, redis } = await setUp<unknown>({ format: "json" });
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
      const { cache } = await setUp<string>({ format: "json" });
      await cache.getOrSet("k", async () => {
        await cache.delete("k");
        return "old";
      });
      expect(await cache.get("k")).toBeUndefined();
    });

    it("refuses what it has no room for", async () => {
      const { cache } = await setUp<unknown>({ format: "json" });
      await expect(cache.set("k", undefined)).rejects.toThrow(OptionError);
      await expect(cache.set("k", 1, { tags: ["t"] })).rejects.toThrow(OptionError);
      await expect(cache.getOrSet("k", () => 1, { tags: ["t"] })).rejects.toThrow(OptionError);
      await expect(setUp({ format: "json", staleIfError: 1_000 })).rejects.toThrow(OptionError);
      await expect(setUp({ format: "json", codec: devalue })).rejects.toThrow(OptionError);
    });
  });
});
