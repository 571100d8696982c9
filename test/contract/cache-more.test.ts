import { describe, expect, it } from "vitest";
import {
  type Cache,
  type CacheOptions,
  createCache,
  getOrSetMany,
  invalidatePrefix,
  type PrefixProgress,
  requestKey,
  StaleCacheError,
  updateEntry,
  memoize,
  writeAround,
  writeThrough,
} from "../../src/core/patterns/cache/index.ts";
import { ConnectionError, OptionError } from "../../src/core/errors.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { counted, gate, intercepted } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("with the cache", (backend) => {
  let serial = 0;
  const options = (): CacheOptions<string> => {
    serial += 1;
    return { prefix: `${backend.prefix}:x${serial}`, ttl: 60_000, timeout: 10_000 };
  };
  const setUp = async (settings: CacheOptions<string> = options()) => {
    const { port, trips } = counted(await backend.connect());
    return { cache: createCache<string>(port, settings), trips };
  };
  const failing = async (settings: CacheOptions<string>, ...names: ("set" | "delete")[]): Promise<Cache<string>> => {
    const { cache } = await setUp(settings);
    const fail = () => Promise.reject(new ConnectionError("down", false));
    return { ...cache, ...(names.includes("set") && { set: fail }), ...(names.includes("delete") && { delete: fail }) };
  };

  describe("batches", () => {
    it("load what is missing in one call, in order, and keep it", async () => {
      const { cache } = await setUp();
      await cache.set("b", "kept");
      const asked: (readonly string[])[] = [];
      const load = (ids: readonly string[]) => {
        asked.push(ids);
        return new Map(ids.filter((id) => id !== "none").map((id) => [id, `loaded ${id}`]));
      };
      const ids = ["a", "b", "none", "a"];
      expect(await getOrSetMany(cache, ids, load)).toEqual(["loaded a", "kept", undefined, "loaded a"]);
      expect(await cache.getMany(["a", "b"])).toEqual(["loaded a", "kept"]);
      expect(await cache.peek("none")).toEqual({ value: undefined });
      expect(asked).toEqual([["a", "none"]]);
      expect(await getOrSetMany(cache, [], load)).toEqual([]);
    });

    it("wait for the keys that others load, and load each key once", async () => {
      const settings = options();
      const caches = await Promise.all([1, 2, 3].map(async () => (await setUp(settings)).cache));
      const loads: string[] = [];
      const load = async (ids: readonly string[]) => {
        loads.push(...ids);
        await sleep(30);
        return new Map(ids.map((id) => [id, `of ${id}`]));
      };
      const wanted = [
        ["a", "b", "c"],
        ["b", "c", "d"],
        ["c", "d", "e"],
      ];
      const answers = await Promise.all(caches.map((cache, i) => getOrSetMany(cache, wanted[i] ?? [], load)));
      expect(answers).toEqual(wanted.map((ids) => ids.map((id) => `of ${id}`)));
      expect(loads.toSorted()).toEqual(["a", "b", "c", "d", "e"]);
    });

    it("keep nothing of a key that was deleted during the load", async () => {
      const { cache } = await setUp();
      const load = async (ids: readonly string[]) => {
        await cache.delete("a");
        return new Map(ids.map((id) => [id, "old"]));
      };
      await getOrSetMany(cache, ["a", "b"], load, { tags: ["t"] });
      expect(await cache.getMany(["a", "b"])).toEqual([undefined, "old"]);
      await cache.invalidateTags(["t"]);
      expect(await cache.getMany(["a", "b"])).toEqual([undefined, undefined]);
    });

    it("refuse what is no map", async () => {
      const { cache } = await setUp();
      await expect(getOrSetMany(cache, ["a"], () => ({ a: "v" }) as never)).rejects.toThrow(OptionError);
      await expect(getOrSetMany(cache, ["a"], () => undefined as never)).rejects.toThrow(OptionError);
    });

    it("give the leases back when the load fails", async () => {
      const { cache } = await setUp();
      const fail = () => Promise.reject(new Error("no"));
      await expect(getOrSetMany(cache, ["a", "b"], fail)).rejects.toThrow("no");
      expect(await getOrSetMany(cache, ["a", "b"], (ids) => new Map(ids.map((id) => [id, "v"])))).toEqual(["v", "v"]);
    });

    describe("with stale values", () => {
      const stale = async (left: number) => {
        const settings = { ...options(), staleWhileRevalidate: 20_000, staleIfError: 20_000, softTimeout: 30 };
        const redis = await backend.connect();
        const cache = createCache<string>(redis, settings);
        await cache.setMany(Object.entries({ a: "old a", b: "old b", c: "old c" }));
        for (const id of ["a", "b"]) await redis.send(["PEXPIRE", `cache:${settings.prefix}:{${id}}`, left]);
        return cache;
      };
      const all = ["a", "b", "c"];

      it("serve them at once and load them anew in one call, in the background", async () => {
        const cache = await stale(39_000);
        const asked: (readonly string[])[] = [];
        const works: Promise<unknown>[] = [];
        const load = (ids: readonly string[]) => {
          asked.push(ids);
          return new Map(ids.map((id) => [id, `new ${id}`]));
        };
        const given = { waitUntil: (work: Promise<unknown>) => void works.push(work) };
        expect(await getOrSetMany(cache, all, load, given)).toEqual(["old a", "old b", "old c"]);
        await Promise.all(works);
        expect(asked).toEqual([["a", "b"]]);
        expect(await cache.getMany(all)).toEqual(["new a", "new b", "old c"]);
        expect(await getOrSetMany(cache, all, load, given)).toEqual(["new a", "new b", "old c"]);
        expect(works).toHaveLength(1);
      });

      it("tell of a load that fails, and wait for a refresh that does, too", async () => {
        const cache = await stale(39_000);
        const works: Promise<unknown>[] = [];
        const fail = () => Promise.reject(new Error("no"));
        const given = { waitUntil: (work: Promise<unknown>) => void works.push(work) };
        await expect(getOrSetMany(cache, [...all, "d"], fail, given)).rejects.toThrow("no");
        await expect(Promise.all(works)).resolves.toHaveLength(1);
      });

      it("survive a refresh that fails", async () => {
        const cache = await stale(39_000);
        const works: Promise<unknown>[] = [];
        const fail = () => Promise.reject(new Error("no"));
        const given = { waitUntil: (work: Promise<unknown>) => void works.push(work) };
        expect(await getOrSetMany(cache, all, fail, given)).toEqual(["old a", "old b", "old c"]);
        await expect(Promise.all(works)).resolves.toHaveLength(1);
      });

      it("serve older ones where the load fails, or takes longer than `softTimeout`", async () => {
        const cache = await stale(19_000);
        const fail = () => Promise.reject(new Error("no"));
        expect(await getOrSetMany(cache, all, fail)).toEqual(["old a", "old b", "old c"]);
        await expect(getOrSetMany(cache, [...all, "d"], fail)).rejects.toThrow("no");
        const finish = gate<ReadonlyMap<string, string>>();
        const works: Promise<unknown>[] = [];
        const given = { waitUntil: (work: Promise<unknown>) => void works.push(work) };
        expect(await getOrSetMany(cache, all, () => finish.opened, given)).toEqual(["old a", "old b", "old c"]);
        finish.open(new Map([["a", "new a"]]));
        await Promise.all(works);
        expect(await cache.peek("a")).toEqual({ value: "new a" });
        expect(await cache.peek("b")).toEqual({ value: undefined });
      });
    });

    it("set and delete many in one trip", async () => {
      const { cache, trips } = await setUp();
      // On a Cluster each master may still have to learn the script.
      await cache.setMany(Array.from({ length: 50 }, (_, i) => [`warm${i}`, "v"] as const));
      trips.length = 0;
      await cache.setMany(Object.entries({ a: "1", b: "2", c: "3" }));
      expect(trips).toEqual(["EVALSHA+EVALSHA+EVALSHA"]);
      expect(await cache.getMany(["a", "b", "c"])).toEqual(["1", "2", "3"]);
      expect(await cache.deleteMany(["a", "c", "none"])).toBe(2);
      expect(await cache.getMany(["a", "b", "c"])).toEqual([undefined, "2", undefined]);
    });
  });

  describe("invalidatePrefix", () => {
    backend.it("deletes the entries whose id begins so, in batches, and no others", async () => {
      const { cache } = await setUp();
      const ids = Array.from({ length: 300 }, (_, i) => `a*[${i}`);
      const spared = ["a", "ab", "b*[1", "a%", "a{"];
      await cache.setMany(
        [...ids, ...spared].map((id) => [id, "v"] as const),
        { tags: ["a*[tag"] },
      );
      const progress: PrefixProgress[] = [];
      const onProgress = (made: PrefixProgress) => progress.push(made);
      expect(await invalidatePrefix(cache, "a*[", { batch: 50, onProgress })).toBe(300);
      expect((await cache.getMany(ids)).every((value) => value === undefined)).toBe(true);
      expect(await cache.getMany(spared)).toEqual(spared.map(() => "v"));
      expect(progress.length).toBeGreaterThan(1);
      expect(progress.at(-1)?.deleted).toBe(300);
      expect(await invalidatePrefix(cache, "a{")).toBe(1);
      expect(await invalidatePrefix(cache, "")).toBe(4);
    });

    it("goes on although its listener throws", async () => {
      const { cache } = await setUp();
      const ids = Array.from({ length: 60 }, (_, i) => `throwing${i}`);
      await cache.setMany(ids.map((id) => [id, "v"] as const));
      const onProgress = () => {
        throw new Error("a listener's");
      };
      expect(await invalidatePrefix(cache, "throwing", { batch: 10, onProgress })).toBe(60);
    });

    it("finds ids by a beginning that cuts a character in two", async () => {
      const { cache } = await setUp();
      const ids = ["a😀", "a😀b", "a😁", "a\ud83d", "a\ud83db", "a🚀", "a𐀀", "a", "ab", "a\ude00", "a%ud83d"];
      await cache.setMany(ids.map((id) => [id, "v"] as const));
      expect(await invalidatePrefix(cache, "a\ud83d")).toBe(ids.filter((id) => id.startsWith("a\ud83d")).length);
      expect(await cache.getMany(ids)).toEqual(ids.map((id) => (id.startsWith("a\ud83d") ? undefined : "v")));
    });

    it("refuses the late writes of loads that run meanwhile", async () => {
      const { cache } = await setUp();
      await cache.getOrSet("k1", async () => {
        await invalidatePrefix(cache, "k");
        return "old";
      });
      expect(await cache.get("k1")).toBeUndefined();
    });

    it("ends when its signal aborts", async () => {
      const { cache } = await setUp();
      const signal = AbortSignal.abort(new Error("left"));
      await expect(invalidatePrefix(cache, "k", { signal })).rejects.toThrow("left");
    });
  });

  describe("writes to an origin", () => {
    it("write through", async () => {
      const { cache } = await setUp();
      expect(await writeThrough(cache, "k", () => "written", { tags: ["t"] })).toBe("written");
      expect(await cache.get("k")).toBe("written");
    });

    it("write around", async () => {
      const { cache } = await setUp();
      await cache.set("k", "old");
      expect(await writeAround(cache, "k", () => 7)).toBe(7);
      expect(await cache.get("k")).toBeUndefined();
    });

    it.each([writeThrough<string>, writeAround<string, string>])(
      "delete the key also when the writer throws",
      async (write) => {
        const { cache } = await setUp();
        await cache.set("k", "old");
        await expect(write(cache, "k", () => Promise.reject(new Error("half done")))).rejects.toThrow("half done");
        expect(await cache.get("k")).toBeUndefined();
      },
    );

    it("delete the key when the cache cannot be written, rather than leave the old value", async () => {
      const settings = options();
      const cache = await failing(settings, "set");
      await (await setUp(settings)).cache.set("k", "old");
      expect(await writeThrough(cache, "k", () => "new")).toBe("new");
      expect(await cache.get("k")).toBeUndefined();
    });

    it("say so when the old value may still be there", async () => {
      const cache = await failing(options(), "set", "delete");
      await expect(writeThrough(cache, "k", () => "new")).rejects.toMatchObject({
        name: "StaleCacheError",
        value: "new",
      });
      await expect(writeAround(cache, "k", () => 7)).rejects.toThrow(StaleCacheError);
    });

    it("win over a load that began before", async () => {
      const { cache } = await setUp();
      const [started, finish] = [gate(), gate<string>()];
      const load = cache.getOrSet("k", () => {
        started.open();
        return finish.opened;
      });
      await started.opened;
      await writeThrough(cache, "k", () => "new");
      finish.open("old");
      await load;
      expect(await cache.get("k")).toBe("new");
    });
  });

  describe("update", () => {
    backend.it("loses none of several updates at once", async () => {
      const settings = { prefix: options().prefix, ttl: 60_000, timeout: 10_000 };
      const caches = await Promise.all(
        [1, 2, 3].map(async () => createCache<number>(await backend.connect(), settings)),
      );
      await caches[0]?.set("n", 0, { tags: ["t"] });
      const add = (cache: Cache<number>) => updateEntry(cache, "n", (n = 0) => n + 1);
      for (let i = 0; i < 5; i += 1) await Promise.all(caches.map(add));
      expect(await caches[0]?.get("n")).toBe(15);
      await caches[0]?.invalidateTags(["t"]);
      expect(await caches[0]?.get("n")).toBeUndefined();
    });

    it("creates what is not there", async () => {
      const { cache } = await setUp();
      expect(await updateEntry(cache, "k", (value) => `${value}!`)).toBe("undefined!");
      expect(await cache.get("k")).toBe("undefined!");
    });

    it("is not fooled by a reply that is lost", async () => {
      const settings = { prefix: options().prefix, ttl: 60_000, timeout: 10_000 };
      const redis = await backend.connect();
      const twice = createCache<number>(
        intercepted(redis, (_, send) => send().then(send)),
        settings,
      );
      await twice.set("n", 0);
      expect(await updateEntry(twice, "n", (n = 0) => n + 1)).toBe(1);
      expect(await twice.get("n")).toBe(1);
    });
  });

  it("memoises a function under a key of its arguments", async () => {
    const { cache } = await setUp();
    let runs = 0;
    const greet = memoize(
      cache,
      async (name: string, times: number) => {
        runs += 1;
        return name.repeat(times);
      },
      { key: (name, times) => JSON.stringify([name, times]), tags: (name) => [name] },
    );
    expect([await greet("a", 2), await greet("a", 2), await greet("a", 3)]).toEqual(["aa", "aa", "aaa"]);
    expect(runs).toBe(2);
    await cache.invalidateTags(["a"]);
    await greet("a", 2);
    expect(runs).toBe(3);
  });

  it("makes a key of a request", async () => {
    const key = (url: string, init?: RequestInit) => requestKey(new Request(url, init), { params: ["page", "a"] });
    expect(key("https://API.example:443/Items?page=2&utm_source=x&a=1#part")).toBe(
      "https://api.example/Items?a=1&page=2",
    );
    expect(key("https://api.example/Items?page=2&page=1")).toBe("https://api.example/Items?page=2&page=1");
    expect(key("https://api.example/Items?page=a%26b")).not.toBe(key("https://api.example/Items?page=a&b"));
    expect(() => key("https://api.example/Items", { method: "POST" })).toThrow(OptionError);
    expect(() => requestKey(new Request("https://a.example/"), 7 as never)).toThrow(OptionError);
    expect(() => requestKey(new Request("https://a.example/"), undefined as never)).toThrow(OptionError);
    expect(() => requestKey(new Request("https://a.example/"), {} as never)).toThrow(OptionError);
    const varied = (language: string) =>
      requestKey(new Request("https://a.example/", { headers: { "accept-language": language } }), {
        params: [],
        headers: ["Accept-Language"],
      });
    expect(varied("de")).not.toBe(varied("en"));
  });

  it("makes a key of its own of each request whose response is not that to a plain GET", async () => {
    const key = (init?: RequestInit) => requestKey(new Request("https://a.example/x", init), { params: [] });
    const headers = ["Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"];
    const special = headers.flatMap((name) => ["a", "b"].map((value) => key({ headers: { [name]: value } })));
    const keys = [key(), key({ method: "HEAD" }), ...special];
    expect(new Set(keys).size).toBe(2 + 2 * headers.length);
    expect(key({ headers: { accept: "text/html" } })).toBe(key());
  });
});
