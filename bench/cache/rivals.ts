import { rival } from "../harness/contender.ts";
import { type CacheLibrary, connect, type Load, tags, ttl } from "./instance.ts";

const bentocache: CacheLibrary = {
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
};

const cacheable: CacheLibrary = {
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
};

const cachified: CacheLibrary = {
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
};

const layeredLoader: CacheLibrary = {
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
};

const asyncCacheDedupe: CacheLibrary = {
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
};

export const rivals: readonly CacheLibrary[] = [bentocache, cacheable, cachified, layeredLoader, asyncCacheDedupe];
