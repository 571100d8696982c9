import { beforeAll, expect, it } from "vitest";
import type { Redis } from "../../src/core/port/redis.ts";
import { bare, owners, type Use } from "../fixtures/key-owners.ts";
import { recordKeys } from "../fixtures/key-recorder.ts";
import { bareKeys, onEveryBackend } from "../support/backends.ts";

onEveryBackend(
  "the keys of every pattern",
  (backend) => {
    let connected: Redis;
    beforeAll(async () => {
      connected = await backend.connect();
    });
    const keysOf = async (use: Use, prefix: string, id: string) => {
      const { redis, keys } = recordKeys(connected);
      await use(redis, prefix, id);
      return keys;
    };

    it.each(owners)("begin with the word of its own, its prefix and the id: %s", async (_, word, use) => {
      const prefix = `${backend.prefix}:names`;
      const keys = await keysOf(use, prefix, "7");
      expect(keys.size).toBeGreaterThan(0);
      // Sessions and tokens put a hash between the braces; a cache has one channel for all ids.
      const named = new RegExp(`^${word}:${prefix}(:\\{[^{}]+\\}(:.+)?|:local)$`);
      expect([...keys].filter((key) => !named.test(key))).toEqual([]);
    });

    /** The keys that two owners name, or one owner under two prefixes. */
    const findShared = async (rows: readonly (readonly [name: string, use: Use])[], prefixes: readonly string[]) => {
      const ownerOf = new Map<string, string>();
      const shared: string[] = [];
      for (const prefix of prefixes) {
        for (const [name, use] of rows) {
          for (const key of await keysOf(use, prefix, "7")) {
            const other = ownerOf.get(key);
            const owner = `${name} under ${prefix}`;
            if (other !== undefined && other !== owner) shared.push(`${key}: ${other}, and ${owner}`);
            ownerOf.set(key, owner);
          }
        }
      }
      return shared;
    };

    backend.it("are each of one owner alone, also where a prefix reads like a part of another key", async () => {
      const prefixes = ["", ":tag", ":lease", ":fence", ":local", ":7"].map((part) => `${backend.prefix}:one${part}`);
      const rows = owners.map(([name, , use]) => [name, use] as const);
      expect(await findShared(rows, prefixes)).toEqual([]);
    });

    it("would be found, if two patterns shared one", async () => {
      const setAt =
        (key: string): Use =>
        (redis, prefix) =>
          redis.send(["SET", `own:${prefix}${key}`, "v", "PX", 60_000]);
      const rows = [
        ["one", setAt(":{7}")],
        ["another", setAt(":{7}:part")],
      ] as const;
      expect(await findShared(rows, [`${backend.prefix}:a`, `${backend.prefix}:b`])).toEqual([]);
      expect(await findShared([...rows, ["a third", setAt(":{7}")]], [backend.prefix])).toHaveLength(1);
    });

    it.each(bare)("are bare where they are made for other programs: %s", async (_, use, key) => {
      const keys = await keysOf(use, backend.prefix, "7");
      expect([...keys].filter((name) => !key.test(name))).toEqual([]);
    });
  },
  [...bareKeys, "~7", "~{7}:*"],
);
