import { describe, expect, it } from "vitest";
import {
  type Cache,
  type CacheOptions,
  ConflictError,
  createCache,
  plainJson,
  updateEntry,
} from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import { integer } from "../../src/core/port/reply.ts";
import { intercepted } from "../fixtures/cache-tools.ts";
import { bareKeys, onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const formats = [
  ["the envelope", undefined],
  ["plain JSON", plainJson],
] as const;

onEveryBackend(
  "the cache's updates",
  (backend) => {
    let serial = 0;

    describe.each(formats)("of %s", (_, format) => {
      const setUp = async (more: Partial<CacheOptions<number>> = {}) => {
        serial += 1;
        const prefix = `${backend.prefix}:u${serial}`;
        const redis = await backend.connect();
        const options = { prefix, ttl: 86_400_000, timeout: 10_000, jitter: 0, format };
        const again = (over: Partial<CacheOptions<number>> = {}, port = redis) =>
          createCache<number>(port, { ...options, ...over });
        const keyOf = (id: string) => (format ? `${prefix}:${id}` : `cache:${prefix}:{${id}}`);
        const left = async (id: string) => integer(await redis.send(["PTTL", keyOf(id)]));
        return { cache: again(more), again, redis, keyOf, left };
      };
      const increment = (n = 0) => n + 1;

      it("leave an entry the time that it had", async () => {
        const { cache, left } = await setUp();
        await cache.set("k", 1, { ttl: 60_000 });
        expect(await updateEntry(cache, "k", increment)).toBe(2);
        expect(await left("k")).toBeLessThanOrEqual(60_000);
        expect(await left("k")).toBeGreaterThan(0);
        await updateEntry(cache, "new", increment);
        expect(await left("new")).toBeGreaterThan(86_000_000);
      });

      it("give it another time where they are told to", async () => {
        const { cache, left } = await setUp();
        await cache.set("k", 1);
        await updateEntry(cache, "k", increment, { ttl: 60_000 });
        expect(await left("k")).toBeLessThanOrEqual(60_000);
        await updateEntry(cache, "k", increment, { ttl: 3_600_000 });
        expect(await left("k")).toBeGreaterThan(3_500_000);
        for (const options of [60_000, null, { ttl: null }, { ttl: Number.NaN }]) {
          await expect(updateEntry(cache, "k", increment, options as never)).rejects.toThrow(OptionError);
        }
      });

      it("give a null the time of a null", async () => {
        const { cache, left } = await setUp({ negativeTtl: 60_000 });
        await cache.set("k", 1);
        await updateEntry(cache, "k", () => null as never);
        expect(await left("k")).toBeLessThanOrEqual(60_000);
      });

      backend.it("lose none of those who write the same value", async () => {
        const times = sized(5, 2);
        const { cache, again } = await setUp();
        const ports = await Promise.all(Array.from({ length: 4 }, () => backend.connect()));
        const caches = Array.from({ length: 12 }, (_, i) => again({}, ports[i % 4]));
        const add = async (cache: Cache<number>): Promise<unknown> =>
          updateEntry(cache, "n", increment).catch((error: unknown) => {
            if (!(error instanceof ConflictError)) throw error;
            return add(cache);
          });
        const run = async (cache: Cache<number>) => {
          for (let i = 0; i < times; i += 1) await add(cache);
        };
        await Promise.all(caches.map(run));
        expect(await cache.get("n")).toBe(12 * times);
      });

      it("take no value for another that it is the beginning of", async () => {
        const { cache } = await setUp();
        await cache.set("n", 1);
        const seen: unknown[] = [];
        const change = async (n = 0) => {
          seen.push(n);
          if (n === 1) await cache.set("n", 10);
          return n + 1;
        };
        expect(await updateEntry(cache, "n", change)).toBe(11);
        expect(seen).toEqual([1, 10]);
      });

      it.each([0, 1, sized(49, 9)])(
        "count once though a reply was lost and %i others came before the replay",
        async (others) => {
          const { cache, again, redis } = await setUp();
          let swaps = 0;
          const port = intercepted(redis, async (command, send) => {
            const reply = await send();
            if (command[0] !== "EVALSHA") return reply;
            swaps += 1;
            if (swaps > 1) return reply;
            for (let i = 0; i < others; i += 1) await updateEntry(cache, "n", increment);
            return send();
          });
          await cache.set("n", 0);
          // The scripts are known to every server by now.
          await updateEntry(cache, "n", () => 0);
          await updateEntry(again({ readBy: "get" }, port), "n", increment);
          expect(await cache.get("n")).toBe(others + 1);
        },
      );
    });

    it("keep the tags and the stale time of an entry, and its tags as long as it", async () => {
      serial += 1;
      const prefix = `${backend.prefix}:u${serial}`;
      const redis = await backend.connect();
      const options = { prefix, ttl: 60_000, timeout: 10_000, jitter: 0 };
      const patient = createCache<number>(redis, { ...options, staleIfError: 60_000 });
      await patient.set("k", 1, { tags: ["t"] });
      // Another process, with other options.
      const brief = createCache<number>(redis, options);
      await updateEntry(brief, "k", (n = 0) => n + 1);
      const left = async (key: string) => integer(await redis.send(["PTTL", `cache:${prefix}:${key}`]));
      expect(await left("{k}")).toBeGreaterThan(110_000);
      await redis.send(["PEXPIRE", `cache:${prefix}:{k}`, 30_000]);
      // Half of its stale time is over.
      expect(await patient.get("k")).toBeUndefined();
      await expect(patient.resolve("k", () => Promise.reject(new Error("no")))).resolves.toMatchObject({ value: 2 });
      await updateEntry(brief, "k", (n = 0) => n + 1, { ttl: 3_600_000 });
      expect(await left("{t}:tag")).toBeGreaterThan(await left("{k}"));
      await brief.invalidateTags(["t"]);
      expect(await brief.get("k")).toBeUndefined();
    });

    it("give a TTL to an entry of another program that has none", async () => {
      serial += 1;
      const prefix = `${backend.prefix}:u${serial}`;
      const redis = await backend.connect();
      const cache = createCache<number>(redis, { prefix, ttl: 60_000, timeout: 10_000, format: plainJson });
      await redis.send(["SET", `${prefix}:k`, "1"]);
      expect(await updateEntry(cache, "k", (n = 0) => n + 1)).toBe(2);
      expect(await redis.send(["PTTL", `${prefix}:k`])).toBeGreaterThan(0);
    });
  },
  bareKeys,
);
