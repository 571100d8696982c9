import { createRequire } from "node:module";
import { Redis as Client } from "ioredis";
import { patternsOf, rowOfBefore, thisCheckout } from "../harness/checkout.ts";
import { type Contender, rival, twice } from "../harness/contender.ts";
import type { Address } from "../harness/scene.ts";
import { instanceOf, type LockInstance, type Take, ttl, wait } from "./instance.ts";

type MakeTake = (client: Client, second: Client) => Promise<Take>;

/** Everybody over TCP, as its documentation has it, with retries that do not run out. */
export function locksOverTcp({ host, port }: Address, before?: string): readonly Contender<LockInstance>[] {
  const opened = (make: MakeTake) => async () => {
    const clients = [new Client({ host, port }), new Client({ host, port })] as const;
    await Promise.all(clients.map((client) => client.ping()));
    return instanceOf(await make(...clients), () => clients.forEach((client) => client.disconnect()));
  };
  const other = (name: string, make: MakeTake) => ({ name, role: "other", open: opened(make) }) as const;
  return [
    ...twice("redis-patterns", opened(oursOf(thisCheckout, "ours"))),
    ...rowOfBefore(before, (name, checkout) => other(name, oursOf(checkout, "before"))),
    other("redis-patterns, first come first served", firstCome),
    other("redlock", redlock),
    other("redlock-universal", redlockUniversal),
    other("redis-semaphore", redisSemaphore),
    other("verrou", verrou),
  ];
}

/** Everybody over HTTP. */
export function locksOverHttp(at: Address, before?: string): readonly Contender<LockInstance>[] {
  const opened = (checkout: string, prefix: string) => async () => {
    const { lock, rest } = await patternsOf(checkout);
    const locks = lock.createLock(rest.rest(at), { ttl, wait, prefix });
    return instanceOf(async (name) => (await locks.acquire(name)).release);
  };
  return [
    ...twice("redis-patterns over rest", opened(thisCheckout, "rest")),
    ...rowOfBefore(before, (name, checkout) => ({ name, role: "other", open: opened(checkout, "before") }) as const),
    { name: "@upstash/lock", role: "other", open: async () => instanceOf(await upstashLock(at)) },
  ];
}

function oursOf(checkout: string, prefix: string): MakeTake {
  return async (client, second) => {
    const { ioredis, lock } = await patternsOf(checkout);
    const wake = lock.wakeBySubscriber(ioredis.ioredisSubscriber(second));
    const locks = lock.createLock(ioredis.ioredis(client), { prefix, ttl, wait, wake });
    return async (name) => (await locks.acquire(name)).release;
  };
}

async function firstCome(client: Client, second: Client): Promise<Take> {
  const { ioredis, lock } = await patternsOf(thisCheckout);
  const wake = lock.wakeBySubscriber(ioredis.ioredisSubscriber(second));
  const order = lock.firstComeFirstServed();
  const locks = lock.createLock(ioredis.ioredis(client), { ttl, wait, wake, order, prefix: "fifo" });
  return async (name) => (await locks.acquire(name)).release;
}

async function redlock(client: Client): Promise<Take> {
  // Its ES module cannot be imported by Node as it is published.
  const { default: Redlock } = createRequire(import.meta.url)("redlock");
  const redlock = new Redlock([client], { retryCount: 1_000 });
  return async (name) => {
    const lock = await redlock.acquire([`redlock:${name}`], ttl);
    return () => lock.release();
  };
}

async function redlockUniversal(client: Client): Promise<Take> {
  const { createLock: create, IoredisAdapter } = await rival("redlock-universal");
  const adapter = new IoredisAdapter(client);
  return async (name) => {
    const lock = create({ adapter, key: `universal:${name}`, ttl, retryAttempts: 1_000, retryDelay: 100 });
    const handle = await lock.acquire();
    return () => lock.release(handle);
  };
}

async function redisSemaphore(client: Client): Promise<Take> {
  const { Mutex } = await rival("redis-semaphore");
  const options = { acquireTimeout: wait, refreshInterval: 0, lockTimeout: ttl };
  return async (name) => {
    const mutex = new Mutex(client, `semaphore:${name}`, options);
    await mutex.acquire();
    return () => mutex.release();
  };
}

async function verrou(client: Client): Promise<Take> {
  const { LockFactory } = await rival("@verrou/core");
  const { redisStore } = await rival("@verrou/core/drivers/redis");
  const factory = new LockFactory(redisStore({ connection: client }).factory());
  return async (name) => {
    const lock = factory.createLock(`verrou:${name}`, ttl);
    await lock.acquire();
    return () => lock.release();
  };
}

async function upstashLock(at: Address): Promise<Take> {
  const { Lock } = await rival("@upstash/lock");
  const { Redis } = await rival("@upstash/redis");
  const redis = new Redis(at);
  const retry = { attempts: 1_000, delay: 100 };
  return async (name) => {
    const lock = new Lock({ id: `upstash:${name}`, lease: ttl, redis, retry });
    if (!(await lock.acquire())) throw new Error("not acquired");
    return () => lock.release();
  };
}
