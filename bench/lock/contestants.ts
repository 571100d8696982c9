import { createRequire } from "node:module";
import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { createLock, firstComeFirstServed, wakeBySubscriber } from "../../src/core/patterns/lock/index.ts";

// Named at run time: the rivals are installed in bench/ only, and type checks run without them.
const rival = (name: string) => import(name);
const { Lock: UpstashLock } = await rival("@upstash/lock");
const { Redis: UpstashRedis } = await rival("@upstash/redis");
const { LockFactory } = await rival("@verrou/core");
const { redisStore } = await rival("@verrou/core/drivers/redis");
const { Mutex } = await rival("redis-semaphore");
const { createLock: createUniversal, IoredisAdapter } = await rival("redlock-universal");
// Its ES module cannot be imported by Node as it is published.
const { default: Redlock } = createRequire(import.meta.url)("redlock");

/** Where to find Redis, over TCP and through a gateway. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly token: string;
}

/** Takes the lock, waiting for it as long as it takes, and gives what releases it. */
export type Take = (name: string) => Promise<() => Promise<unknown>>;

/** One library, as its documentation has it, with retries that do not run out. */
export interface Contestant {
  readonly name: string;
  readonly transport: "TCP" | "HTTP";
  open(at: Address): Promise<{ take: Take; close(): void }>;
}

const ttl = 10_000;
const wait = 60_000;

function overTcp(name: string, take: (client: Client, second: Client) => Take): Contestant {
  return {
    name,
    transport: "TCP",
    async open({ host, port }) {
      const clients = [new Client({ host, port }), new Client({ host, port })] as const;
      await Promise.all(clients.map((client) => client.ping()));
      return { take: take(...clients), close: () => clients.forEach((client) => client.disconnect()) };
    },
  };
}

function overHttp(name: string, take: (at: Address) => Take): Contestant {
  return { name, transport: "HTTP", open: async (at) => ({ take: take(at), close: () => {} }) };
}

export const contestants: readonly Contestant[] = [
  overTcp("redis-patterns", (client, second) => {
    const wake = wakeBySubscriber(ioredisSubscriber(second));
    const locks = createLock(ioredis(client), { ttl, wait, wake, prefix: "bench" });
    return async (name) => (await locks.acquire(name)).release;
  }),
  overTcp("redis-patterns, first come first served", (client, second) => {
    const wake = wakeBySubscriber(ioredisSubscriber(second));
    const locks = createLock(ioredis(client), { ttl, wait, wake, order: firstComeFirstServed(), prefix: "fifo" });
    return async (name) => (await locks.acquire(name)).release;
  }),
  overTcp("redlock", (client) => {
    const redlock = new Redlock([client], { retryCount: 1_000 });
    return async (name) => {
      const lock = await redlock.acquire([`redlock:${name}`], ttl);
      return () => lock.release();
    };
  }),
  overTcp("redlock-universal", (client) => {
    const adapter = new IoredisAdapter(client);
    return async (name) => {
      const lock = createUniversal({ adapter, key: `universal:${name}`, ttl, retryAttempts: 1_000, retryDelay: 100 });
      const handle = await lock.acquire();
      return () => lock.release(handle);
    };
  }),
  overTcp("redis-semaphore", (client) => async (name) => {
    const mutex = new Mutex(client, `semaphore:${name}`, {
      acquireTimeout: wait,
      refreshInterval: 0,
      lockTimeout: ttl,
    });
    await mutex.acquire();
    return () => mutex.release();
  }),
  overTcp("verrou", (client) => {
    const factory = new LockFactory(redisStore({ connection: client }).factory());
    return async (name) => {
      const lock = factory.createLock(`verrou:${name}`, ttl);
      await lock.acquire();
      return () => lock.release();
    };
  }),
  overHttp("redis-patterns over rest", (at) => {
    const locks = createLock(rest(at), { ttl, wait, prefix: "rest" });
    return async (name) => (await locks.acquire(name)).release;
  }),
  overHttp("@upstash/lock", (at) => {
    const redis = new UpstashRedis(at);
    return async (name) => {
      const lock = new UpstashLock({
        id: `upstash:${name}`,
        lease: ttl,
        redis,
        retry: { attempts: 1_000, delay: 100 },
      });
      if (!(await lock.acquire())) throw new Error("not acquired");
      return () => lock.release();
    };
  }),
];
