import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { days } from "../../src/core/time/duration.ts";
import { shortId } from "../../src/core/patterns/limiter/decide.ts";
import {
  createLimiter,
  fixedWindow,
  gcra,
  type LimitAlgorithm,
  slidingWindow,
  tokenBucket,
} from "../../src/core/patterns/limiter/index.ts";
import type { Command, Redis } from "../../src/core/port/redis.ts";

// Named at run time: the rivals are installed in bench/ only, and type checks run without them.
const rival = (name: string) => import(name);
const { Ratelimit } = await rival("@upstash/ratelimit");
const { Redis: UpstashRedis } = await rival("@upstash/redis");
const { RedisStore } = await rival("rate-limit-redis");
const { RateLimiterRedis } = await rival("rate-limiter-flexible");
const { default: RedisGcra } = await rival("redis-gcra");

/** Where to find Redis, over TCP and through a gateway. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly token: string;
}

/** Decides about one call of an id; true if it may pass. */
export type Decide = (id: string) => Promise<boolean>;

/** One library with one algorithm, as its documentation has it. The first of each algorithm and transport is ours. */
export interface Contestant {
  readonly name: string;
  readonly algorithm: string;
  readonly transport: "TCP" | "HTTP";
  open(at: Address): Promise<{ decide: Decide; close(): void }>;
}

/** So high that every call passes: a refusal is cheaper for some than for others. */
const limit = 100_000;
const window = days(1);

type Over = (algorithm: string, name: string, make: (client: Client, at: Address) => Promise<Decide>) => Contestant;

const overTcp: Over = (algorithm, name, make) => ({
  name,
  algorithm,
  transport: "TCP",
  async open(at) {
    const client = new Client({ host: at.host, port: at.port });
    return { decide: await make(client, at), close: () => client.disconnect() };
  },
});

function overHttp(algorithm: string, name: string, make: (at: Address) => Promise<Decide>): Contestant {
  return { name, algorithm, transport: "HTTP", open: async (at) => ({ decide: await make(at), close: () => {} }) };
}

async function ours(redis: Redis, algorithm: LimitAlgorithm): Promise<Decide> {
  const limiter = createLimiter(redis, { prefix: "ours", algorithm, onError: rethrow, timeout: 30_000 });
  return async (id) => (await limiter.limit(id)).allowed;
}

/** The yardstick: the very command that our limiter sends, by a client without us. */
async function bare(redis: Redis, algorithm: LimitAlgorithm, run: (command: Command) => Promise<unknown>) {
  const sent: Command[] = [];
  const send: Redis["send"] = (command, options) => redis.send(sent[sent.push(command) - 1] ?? command, options);
  const limit = await ours({ ...redis, send }, algorithm);
  await limit("first");
  await limit("second");
  const [, sha = "", keys = 1, key = "", id, ...rest] = sent.at(-1) ?? [];
  return async (name: string) => {
    // Two calls with the same id would count as one.
    const fresh = id === "" ? "" : shortId();
    const command: Command = [
      "EVALSHA",
      sha,
      keys,
      String(key).replace("ours:{second}", `bare:{${name}}`),
      fresh,
      ...rest,
    ];
    await run(command);
    return true;
  };
}

const families = {
  "fixed window": fixedWindow({ limit, window }),
  "sliding window": slidingWindow({ limit, window }),
  "token bucket, GCRA": gcra({ limit: limit + 3, window }),
  "token bucket, whole milliseconds": tokenBucket({ limit, window }),
} as const;

const oursAndBare = Object.entries(families).flatMap(([name, algorithm]) => [
  overTcp(name, "redis-patterns", (client) => ours(ioredis(client), algorithm)),
  overTcp(name, "bare EVALSHA of the same script", (client) =>
    bare(ioredis(client), algorithm, ([command, ...args]) => client.call(command, ...args.map(String))),
  ),
  overHttp(name, "redis-patterns over rest", (at) => ours(rest(at), algorithm)),
  overHttp(name, "bare EVALSHA by @upstash/redis", async (at) => {
    const redis = new UpstashRedis(at);
    return bare(rest(at), algorithm, ([, sha, , key, ...args]) => redis.evalsha(sha, [key], args));
  }),
]);

const upstash = (algorithm: string, make: () => unknown) =>
  overHttp(algorithm, "@upstash/ratelimit", async (at) => {
    const limiter = new Ratelimit({ redis: new UpstashRedis(at), limiter: make(), prefix: `upstash ${algorithm}` });
    return async (id) => (await limiter.limit(id)).success;
  });

/** Ours first, then the yardstick, then the others of the same algorithm. */
export const contestants: readonly Contestant[] = [
  ...oursAndBare,
  overTcp("fixed window", "rate-limiter-flexible", async (storeClient) => {
    const limiter = new RateLimiterRedis({
      storeClient,
      points: limit,
      duration: window / 1_000,
      keyPrefix: "flexible",
    });
    return async (id) => (await limiter.consume(id)).remainingPoints > 0;
  }),
  overTcp("fixed window", "rate-limit-redis", async (client) => {
    const sendCommand = (command: string, ...args: string[]) => client.call(command, ...args);
    const store = new RedisStore({ sendCommand, prefix: "express:" });
    await store.init({ windowMs: window });
    return async (id) => (await store.increment(id)).totalHits <= limit;
  }),
  overTcp("token bucket, GCRA", "redis-gcra", async (redis) => {
    const limiter = RedisGcra({ redis, keyPrefix: "gcra", burst: limit, rate: limit, period: window });
    return async (key) => !(await limiter.limit({ key })).limited;
  }),
  upstash("fixed window", () => Ratelimit.fixedWindow(limit, `${window} ms`)),
  upstash("sliding window", () => Ratelimit.slidingWindow(limit, `${window} ms`)),
  upstash("token bucket, GCRA", () => Ratelimit.tokenBucket(limit, `${window} ms`, limit)),
];

function rethrow({ error }: { readonly error: unknown }): never {
  throw error;
}
