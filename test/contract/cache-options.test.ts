import { describe, expect, it } from "vitest";
import {
  createCache,
  deflate,
  getOrSetMany,
  invalidatePrefix,
  type SetOptions,
  updateEntry,
  withLocal,
  writeThrough,
} from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import { counted } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("the options of the cache's calls", (backend) => {
  let serial = 0;
  const setUp = async () => {
    serial += 1;
    const { port, trips } = counted(await backend.connect());
    const options = { prefix: `${backend.prefix}:o${serial}`, ttl: 60_000, timeout: 10_000, clearable: true };
    const cache = createCache(port, options);
    return { cache, port, options, trips };
  };
  type Given = Awaited<ReturnType<typeof setUp>>["cache"];
  type Call = (cache: Given, options: never) => unknown;
  const load = () => 1;

  const withTtl: Record<string, Call> = {
    getOrSet: (cache, options) => cache.getOrSet("k", load, options),
    resolve: (cache, options) => cache.resolve("k", load, options),
    set: (cache, options) => cache.set("k", 1, options),
    setMany: (cache, options) => cache.setMany([["k", 1]], options),
    getOrSetMany: (cache, options) => getOrSetMany(cache, ["k"], () => new Map(), options),
    updateEntry: (cache, options) => updateEntry(cache, "k", load, options),
  };
  const others: Record<string, Call> = {
    get: (cache, options) => cache.get("k", options),
    peek: (cache, options) => cache.peek("k", options),
    getMany: (cache, options) => cache.getMany(["k"], options),
    delete: (cache, options) => cache.delete("k", options),
    deleteMany: (cache, options) => cache.deleteMany(["k"], options),
    invalidateTags: (cache, options) => cache.invalidateTags(["t"], options),
    clear: (cache, options) => cache.clear(options),
    invalidatePrefix: (cache, options) => invalidatePrefix(cache, "k", options),
  };

  it.each(Object.entries({ ...withTtl, ...others }))("of %s are an object", async (_, call) => {
    const { cache, trips } = await setUp();
    for (const options of [1_000, null, "1m", true, () => 1]) {
      await expect((async () => call(cache, options as never))()).rejects.toThrow(OptionError);
    }
    expect(trips).toEqual([]);
  });

  it.each(Object.entries(withTtl))("of %s have a TTL that is a time", async (_, call) => {
    const { cache, trips } = await setUp();
    for (const ttl of [null, 0, -1, Number.NaN, Infinity, "60"]) {
      await expect((async () => call(cache, { ttl } as never))()).rejects.toThrow(OptionError);
    }
    for (const tags of [null, "t", [1]]) {
      if (call === withTtl["updateEntry"]) continue;
      await expect((async () => call(cache, { tags } as never))()).rejects.toThrow(OptionError);
    }
    expect(trips).toEqual([]);
  });

  it("are looked at before the origin is written", async () => {
    const { cache } = await setUp();
    let writes = 0;
    for (const options of [1_000, null, { ttl: null }, { tags: "t" }]) {
      const call = writeThrough(cache, "k", () => (writes += 1), options as unknown as SetOptions);
      await expect(call).rejects.toThrow(OptionError);
    }
    expect(writes).toBe(0);
  });

  it("are looked at where the value is in memory, too", async () => {
    const { cache } = await setUp();
    const local = withLocal(cache, { maxStaleness: 60_000 });
    for (let i = 0; i < 3; i += 1) await local.getOrSet("k", load);
    for (const options of [1_000, null, { ttl: null }, { ttl: -1 }]) {
      await expect(local.getOrSet("k", load, options as never)).rejects.toThrow(OptionError);
      await expect(local.resolve("k", load, options as never)).rejects.toThrow(OptionError);
    }
    await expect(local.getOrSet("k", 1 as never)).rejects.toThrow(OptionError);
  });

  it("stand beside a list where one is asked for", async () => {
    const { cache, trips } = await setUp();
    for (const entries of [null, undefined, { k: 1 }, "ab", 5, ["ab"]]) {
      await expect(cache.setMany(entries as never)).rejects.toThrow(OptionError);
    }
    for (const list of [null, undefined, "ab", 5]) {
      await expect(cache.invalidateTags(list as never)).rejects.toThrow(OptionError);
      await expect(cache.getMany(list as never)).rejects.toThrow(OptionError);
      await expect(cache.deleteMany(list as never)).rejects.toThrow(OptionError);
    }
    expect(trips).toEqual([]);
  });

  describe("and of its factory", () => {
    const nulls = [
      "ttl",
      "negativeTtl",
      "staleWhileRevalidate",
      "timeout",
      "hardTimeout",
      "softTimeout",
      "waitTimeout",
    ];
    const more = ["maxBytes", "codec", "compression", "overflow", "schema", "wake", "format", "onEvent", "onError"];
    it.each([...nulls, ...more, "readBy", "onUnavailable", "jitter", "degradedLoads"])(
      "%s is not null",
      async (name) => {
        const { port, options } = await setUp();
        expect(() => createCache(port, { ...options, [name]: null })).toThrow(OptionError);
      },
    );

    it("those of its parts are an object", async () => {
      const { cache } = await setUp();
      expect(() => deflate(2_048 as never)).toThrow(OptionError);
      expect(() => deflate({ threshold: null as never })).toThrow(OptionError);
      const wrong = [{ maxEntries: null }, { epoch: null }, { subscriber: null }, { subscriber: {} }];
      for (const options of [5_000, null, undefined, {}, ...wrong.map((part) => ({ maxStaleness: 1, ...part }))]) {
        expect(() => withLocal(cache, options as never)).toThrow(OptionError);
      }
    });
  });
});
