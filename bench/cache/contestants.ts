import { Redis } from "ioredis";
import { ioredis, ioredisSubscriber } from "../../src/adapters/ioredis/index.ts";
import { createCache, wakeBySubscriber, withLocal } from "../../src/core/patterns/cache/index.ts";

/** Where the server is. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Computes a value of the size that is measured. */
export type Load = () => unknown;

/** One instance of a cache on a connection of its own; what it lacks is absent. */
export interface Instance {
  get?(key: string, load: Load): Promise<unknown>;
  /** A cold key that all instances ask for; absent where `get` is that. */
  cold?(key: string, load: Load): Promise<unknown>;
  /** The same with 3 tags; absent where there are none. */
  tagged?(key: string, load: Load): Promise<unknown>;
  /** A hit in memory; absent where the library has no such tier. */
  local?(key: string, load: Load): Promise<unknown>;
  close(): unknown;
}

/** A library, used as its documentation says for one tier on Redis. */
export interface Contestant {
  readonly name: string;
  open(at: Address): Promise<Instance>;
}

const ttl = 600_000;
const tags = ["a", "b", "c"];

// Named at run time: the rivals are installed in bench/ only, and type checks run without them.
const rival = (name: string) => import(name);

function connect(at: Address): Redis {
  const client = new Redis({ host: at.host, port: at.port });
  client.on("error", () => {});
  return client;
}

export const contestants: readonly Contestant[] = [
  {
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
  },
  {
    name: "redis-patterns",
    async open(at) {
      const client = connect(at);
      const cache = createCache(ioredis(client), { prefix: "ours", ttl, maxBytes: 1_000_000 });
      const tagged = createCache(ioredis(client), { prefix: "ours-tagged", ttl, maxBytes: 1_000_000 });
      const local = withLocal(cache, { maxStaleness: ttl, maxEntries: 10_000, maxBytes: 1_000_000_000 });
      return {
        get: (key, load) => cache.getOrSet(key, load),
        tagged: (key, load) => tagged.getOrSet(key, load, { tags }),
        local: (key, load) => local.getOrSet(key, load),
        close: () => client.disconnect(),
      };
    },
  },
  {
    name: "redis-patterns, wake",
    async open(at) {
      const [client, ears] = [connect(at), connect(at)];
      const wake = wakeBySubscriber(ioredisSubscriber(ears));
      const cache = createCache(ioredis(client), { prefix: "ours-woken", ttl, wake });
      return {
        cold: (key, load) => cache.getOrSet(key, load),
        close: () => [client, ears].forEach((one) => one.disconnect()),
      };
    },
  },
  {
    name: "bentocache",
    async open(at) {
      const { BentoCache, bentostore } = await rival("bentocache");
      const { redisDriver } = await rival("bentocache/drivers/redis");
      const { memoryDriver } = await rival("bentocache/drivers/memory");
      const client = connect(at);
      const stores = { one: bentostore({ prefix: "bento" }).useL2Layer(redisDriver({ connection: client })) };
      const cache = new BentoCache({ default: "one", stores });
      const memory = bentostore({ prefix: "bento-local" }).useL1Layer(memoryDriver({ maxItems: 10_000 }));
      const near = new BentoCache({ default: "one", stores: { one: memory } });
      return {
        get: (key, factory) => cache.getOrSet({ key, ttl, factory }),
        tagged: (key, factory) => cache.getOrSet({ key: `tagged-${key}`, ttl, factory, tags }),
        local: (key, factory) => near.getOrSet({ key, ttl, factory }),
        close: () => client.disconnect(),
      };
    },
  },
  {
    name: "cacheable",
    async open(at) {
      const { Cacheable } = await rival("cacheable");
      const { default: KeyvRedis } = await rival("@keyv/redis");
      const { Keyv } = await rival("keyv");
      const store = new KeyvRedis(`redis://${at.host}:${at.port}`);
      const keyv = new Keyv({ store, namespace: "cacheable" });
      keyv.on("error", () => {});
      const cache = new Cacheable({ primary: keyv });
      const near = new Cacheable();
      cache.on("error", () => {});
      return {
        get: (key, load) => cache.getOrSet(key, async () => load(), { ttl }),
        local: (key, load) => near.getOrSet(key, async () => load(), { ttl }),
        close: () =>
          Promise.race([keyv.disconnect(), new Promise((resolve) => setTimeout(resolve, 500))]).catch(() => {}),
      };
    },
  },
  {
    name: "cachified",
    async open(at) {
      const { cachified } = await rival("@epic-web/cachified");
      const client = connect(at);
      const cache = {
        async get(key: string) {
          const found = await client.get(`cachified:${key}`);
          return found === null ? undefined : (JSON.parse(found) as unknown);
        },
        set: (key: string, value: unknown) => client.set(`cachified:${key}`, JSON.stringify(value), "PX", ttl),
        delete: (key: string) => client.del(`cachified:${key}`),
      };
      const near = new Map();
      return {
        local: (key, getFreshValue) => cachified({ key, cache: near, ttl, getFreshValue }),
        get: (key, getFreshValue) => cachified({ key, cache, ttl, getFreshValue }),
        close: () => client.disconnect(),
      };
    },
  },
  {
    name: "layered-loader",
    async open(at) {
      const { Loader, RedisCache } = await rival("layered-loader");
      const client = connect(at);
      let current: Load = () => null;
      const loader = new Loader({
        asyncCache: new RedisCache(client, { json: true, ttlInMsecs: ttl, prefix: "layered" }),
        dataSources: [{ name: "origin", get: async () => current() }],
      });
      const near = new Loader({
        inMemoryCache: { cacheType: "lru-object", ttlInMsecs: ttl, maxItems: 10_000 },
        dataSources: [{ name: "origin", get: async () => current() }],
      });
      return {
        async local(key, load) {
          current = load;
          return near.getInMemoryOnly(key) ?? near.get(key);
        },
        get(key, load) {
          current = load;
          return loader.get(key);
        },
        close: () => client.disconnect(),
      };
    },
  },
  {
    name: "async-cache-dedupe",
    async open(at) {
      const { createCache: create } = await rival("async-cache-dedupe");
      const client = connect(at);
      let current: Load = () => null;
      const cache = create({ ttl: ttl / 1_000, storage: { type: "redis", options: { client } } });
      cache.define("fetch", async () => current());
      const near = create({ ttl: ttl / 1_000, storage: { type: "memory", options: { size: 10_000 } } });
      near.define("fetch", async () => current());
      return {
        local(key, load) {
          current = load;
          return near.fetch(key);
        },
        get(key, load) {
          current = load;
          return cache.fetch(key);
        },
        close: () => client.disconnect(),
      };
    },
  },
  {
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
  },
];
