import { describe, expect, it } from "vitest";
import {
  type CacheOptions,
  createCache,
  invalidatePrefix,
  plainJson,
  withLocal,
} from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import { bareKeys, onEveryBackend } from "../support/backends.ts";

onEveryBackend(
  "the cache's keys",
  (backend) => {
    let serial = 0;
    const prefixOf = () => {
      serial += 1;
      return `${backend.prefix}:k${serial}`;
    };
    const open = async <T>(prefix: string, more: Partial<CacheOptions<T>> = {}) =>
      createCache<T>(await backend.connect(), { prefix, ttl: 60_000, timeout: 10_000, ...more });
    const keysOf = async (prefix: string) => (await backend.keys()).filter((key) => key.includes(prefix));

    it("name the pattern, the prefix, the id and the kind of thing", async () => {
      const prefix = prefixOf();
      const local = withLocal(await open<number>(prefix, { clearable: true }), { maxStaleness: 1_000, epoch: true });
      await local.set("set", 1, { tags: ["t"] });
      let during: string[] = [];
      await local.getOrSet("loaded", async () => {
        during = await keysOf(prefix);
        return 1;
      });
      const kinds = ["{*}:all", "{*}:epoch", "{loaded}:lease", "{set}", "{t}:tag"];
      expect(during).toEqual(kinds.map((kind) => `cache:${prefix}:${kind}`));
    });

    backend.it("are those of one cache, whatever the prefixes and ids of others", async () => {
      const prefix = prefixOf();
      const words = ["tag", "lease", "epoch", "all", "local", "*"];
      const prefixes = [prefix, ...words.map((word) => `${prefix}:${word}`), `cache:${prefix}`];
      const ids = [...words, ...words.map((word) => `x}:${word}`), ...words.map((word) => `${word}:{x}`)];
      const caches = await Promise.all(prefixes.map((each) => open<string>(each, { clearable: true })));
      const fill = caches.map((cache, i) =>
        cache.setMany(
          ids.map((id) => [id, `${i} ${id}`] as const),
          { tags: ids },
        ),
      );
      await Promise.all(fill);
      expect(await keysOf(prefix)).toHaveLength(prefixes.length * (2 * ids.length + 1));
      await caches[0]?.invalidateTags(ids);
      await caches[0]?.clear();
      await caches[0]?.deleteMany(ids);
      if (caches[0]) await invalidatePrefix(caches[0], "");
      const [emptied, ...others] = await Promise.all(caches.map((cache) => cache.getMany(ids)));
      expect(emptied).toEqual(ids.map(() => undefined));
      expect(others).toEqual(others.map((_, i) => ids.map((id) => `${i + 1} ${id}`)));
    });

    it("begin the names of its channels, too", async () => {
      const prefix = prefixOf();
      const channels: string[] = [];
      const subscribe = async (channel: string) => {
        channels.push(channel);
        return async () => {};
      };
      const subscriber = { subscribe, psubscribe: subscribe };
      const local = withLocal(await open<number>(prefix), { maxStaleness: 1_000, subscriber });
      await local.getOrSet("k", () => 1);
      expect(channels).toEqual([`cache:${prefix}:local`]);
    });

    describe("of plain JSON", () => {
      // Their hash tag is a part of them, or the whole key, or a brace that makes none.
      const ids = ["a", "{a}", "{a}:json-lease:", "{a}:lease", "b:{a}", "{a}{b}", "{{a}", "{", "a{b", "{a", "ü {€} 😀"];

      it.each(ids)("are bare names for other programs, each with a lease of its own: %s", async (id) => {
        const prefix = prefixOf();
        const cache = await open<string>(prefix, { format: plainJson });
        await cache.setMany(ids.map((each) => [each, each] as const));
        await cache.delete(id);
        let during: string[] = [];
        const load = async () => {
          during = await keysOf(prefix);
          return "loaded";
        };
        expect(await cache.getOrSet(id, load)).toBe("loaded");
        const entries = ids.map((each) => `${prefix}:${each}`);
        const added = during.filter((key) => !entries.includes(key));
        expect(added).toEqual([expect.stringMatching(/^cache:.*:\{.*\}:json-lease/)]);
        expect(await keysOf(prefix)).toEqual(entries.toSorted());
        expect(await cache.getMany(ids)).toEqual(ids.map((each) => (each === id ? "loaded" : each)));
      });

      it.each(["{}", "a}b", "{}{a}"])("cannot have a brace that would part them from their leases: %s", async (id) => {
        const cache = await open<string>(prefixOf(), { format: plainJson });
        await expect(cache.set(id, "v")).rejects.toThrow(OptionError);
        await expect(cache.getOrSet(id, () => "v")).rejects.toThrow(OptionError);
      });

      it("differ from those of a cache with the same prefix that has the envelope", async () => {
        const prefix = prefixOf();
        const [plain, other] = [await open<string>(prefix, { format: plainJson }), await open<string>(prefix)];
        const id = `${prefix}:k`;
        let lease = "";
        await plain.getOrSet("k", async () => {
          await other.getOrSet(id, () => "other");
          lease = (await keysOf(prefix)).find((key) => key.includes("lease")) ?? "";
          await other.delete(id);
          return "plain";
        });
        expect(lease).toBe(`cache:${prefix}:{${id}}:json-lease`);
        expect(await plain.get("k")).toBe("plain");
      });
    });
  },
  bareKeys,
);
