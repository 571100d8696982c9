import { Redis as Client } from "ioredis";
import { type Asked, type Contender, rival } from "../harness/contender.ts";
import type { Address } from "../harness/scene.ts";
import { type AlgorithmName, limit, window } from "./algorithms.ts";

/** Others with that algorithm over TCP. */
export function rivalsOverTcp(at: Address, algorithm: AlgorithmName): readonly Contender<Asked>[] {
  if (algorithm === "fixed window")
    return [overTcp(at, "rate-limiter-flexible", flexible), overTcp(at, "rate-limit-redis", express)];
  if (algorithm === "sliding window") return [];
  return [overTcp(at, "redis-gcra", redisGcra)];
}

/** Others with that algorithm over HTTP. */
export function rivalsOverHttp(at: Address, algorithm: AlgorithmName): readonly Contender<Asked>[] {
  const open = async () => {
    const { Redis } = await rival("@upstash/redis");
    const { Ratelimit } = await rival("@upstash/ratelimit");
    const how = {
      "fixed window": () => Ratelimit.fixedWindow(limit, `${window} ms`),
      "sliding window": () => Ratelimit.slidingWindow(limit, `${window} ms`),
      "token bucket": () => Ratelimit.tokenBucket(limit, `${window} ms`, limit),
      "GCRA, fractions of a millisecond": () => Ratelimit.tokenBucket(limit, `${window} ms`, limit),
    }[algorithm]();
    const limiter = new Ratelimit({ redis: new Redis(at), limiter: how, prefix: `upstash ${algorithm}` });
    const call = async (id: string) => mustPass((await limiter.limit(id)).success);
    return { call, close: () => {} };
  };
  return [{ name: "@upstash/ratelimit", role: "other", open }];
}

type MakeCall = (client: Client) => Promise<Asked["call"]>;

function overTcp({ host, port }: Address, name: string, make: MakeCall): Contender<Asked> {
  const open = async () => {
    const client = new Client({ host, port });
    return { call: await make(client), close: () => client.disconnect() };
  };
  return { name, role: "other", open };
}

async function flexible(storeClient: Client): Promise<Asked["call"]> {
  const { RateLimiterRedis } = await rival("rate-limiter-flexible");
  const limiter = new RateLimiterRedis({ storeClient, points: limit, duration: window / 1_000, keyPrefix: "flexible" });
  return async (id) => mustPass((await limiter.consume(id)).remainingPoints > 0);
}

async function express(client: Client): Promise<Asked["call"]> {
  const { RedisStore } = await rival("rate-limit-redis");
  const sendCommand = (command: string, ...args: string[]) => client.call(command, ...args);
  const store = new RedisStore({ sendCommand, prefix: "express:" });
  await store.init({ windowMs: window });
  return async (id) => mustPass((await store.increment(id)).totalHits <= limit);
}

async function redisGcra(redis: Client): Promise<Asked["call"]> {
  const { default: RedisGcra } = await rival("redis-gcra");
  const limiter = RedisGcra({ redis, keyPrefix: "gcra", burst: limit, rate: limit, period: window });
  return async (key) => mustPass(!(await limiter.limit({ key })).limited);
}

function mustPass(passed: boolean): void {
  if (!passed) throw new Error("refused below the limit");
}
