import { patternsOf, thisCheckout } from "../harness/checkout.ts";
import { rival } from "../harness/contender.ts";
import { type CacheLibrary, connect, type Load, tags, ttl } from "./instance.ts";

/** The yardstick: what a hit and a miss cost with no protection from anything. */
export const raw: CacheLibrary = {
  name: "raw GET + JSON.parse",
  async open(at) {
    const client = connect(at);
    return {
      async get(key, load) {
        const found = await client.get(`raw:${key}`);
        if (found !== null) return JSON.parse(found) as unknown;
        const value = await load();
        await client.set(`raw:${key}`, JSON.stringify(value), "PX", ttl);
        return value;
      },
      close: () => client.disconnect(),
    };
  },
};

/** The cache of a checkout, this one or another. */
export function cacheOf(name: string, checkout: string, prefix: string): CacheLibrary {
  return {
    name,
    async open(at) {
      const { cache: patterns, ioredis } = await patternsOf(checkout);
      const { createCache, withLocal } = patterns;
      const client = connect(at);
      const cache = createCache(ioredis.ioredis(client), { prefix, ttl, maxBytes: 1_000_000 });
      const tagged = createCache(ioredis.ioredis(client), { prefix: `${prefix}-tagged`, ttl, maxBytes: 1_000_000 });
      const local = withLocal(cache, { maxStaleness: ttl, maxEntries: 10_000, maxBytes: 1_000_000_000 });
      return {
        get: (key, load) => cache.getOrSet(key, load),
        tagged: (key, load) => tagged.getOrSet(key, load, { tags }),
        local: (key, load) => local.getOrSet(key, load),
        close: () => client.disconnect(),
      };
    },
  };
}

export const ours = cacheOf("redis-patterns", thisCheckout, "ours");

/** What differs from the row above only while it waits for somebody else's load. */
export const woken: CacheLibrary = {
  name: "redis-patterns, wake",
  async open(at) {
    const { cache: patterns, ioredis } = await patternsOf(thisCheckout);
    const [client, ears] = [connect(at), connect(at)];
    const wake = patterns.wakeBySubscriber(ioredis.ioredisSubscriber(ears));
    const cache = patterns.createCache(ioredis.ioredis(client), { prefix: "ours-woken", ttl, wake });
    return {
      cold: (key, load) => cache.getOrSet(key, load),
      close: () => [client, ears].forEach((one) => one.disconnect()),
    };
  },
};

/** The yardstick of a hit in memory. */
export const lruCache: CacheLibrary = {
  name: "lru-cache",
  async open() {
    const { LRUCache } = await rival("lru-cache");
    const cache = new LRUCache({
      max: 10_000,
      ttl,
      fetchMethod: (_: string, __: unknown, { context }: { context: Load }) => context(),
    });
    const local = (key: string, context: Load): Promise<unknown> => cache.fetch(key, { context });
    return { local, close: () => {} };
  },
};
