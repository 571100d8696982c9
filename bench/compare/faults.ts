import type { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import {
  blockedIds,
  createLimiter,
  fixedWindow,
  gcra,
  limitAll,
  slidingWindow,
} from "../../src/core/patterns/limiter/index.ts";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { freePort } from "../../test/support/redis-server.ts";
import { mostInAnyWindow, type Passed } from "../../test/fixtures/limiter-oracles.ts";

// Named at run time: the rivals are installed in bench/ only, and type checks run without them.
const rival = (name: string) => import(name);
const { Ratelimit } = await rival("@upstash/ratelimit");
const { Redis: UpstashRedis } = await rival("@upstash/redis");
const { RedisStore } = await rival("rate-limit-redis");
const { RateLimiterMemory, RateLimiterRedis, RateLimiterUnion } = await rival("rate-limiter-flexible");
const { default: RedisGcra } = await rival("redis-gcra");

/** Where everything runs. */
export interface Bench {
  readonly admin: Client;
  tcp(port?: number): Client;
  readonly http: Endpoint;
  readonly ours: Redis;
  /** The gateway behind a proxy that can lose the next reply. */
  readonly cut: { readonly at: Endpoint; next(): void };
  readonly oursCut: Redis;
}

interface Endpoint {
  readonly url: string;
  readonly token: string;
}

type Row = (bench: Bench) => Promise<Record<string, string>>;

interface Fault {
  readonly title: string;
  readonly rows: Readonly<Record<string, Row>>;
}

/** Takes `cost` for an id; true if it passed. */
type Take = (id: string, cost?: number) => Promise<boolean>;
type Maker = (bench: Bench, limit: number, window: number) => Promise<Take> | Take;

const second = 1_000;

const ours =
  (make: (options: { readonly limit: number; readonly window: number }) => LimitAlgorithm): Maker =>
  ({ ours }, limit, window) => {
    const algorithm = make({ limit, window });
    const limiter = createLimiter(ours, { prefix: make.name, algorithm, blocked: blockedIds() });
    return async (id, cost) => (await limiter.limit(id, { cost })).allowed;
  };

const upstash =
  (kind: "fixedWindow" | "slidingWindow" | "tokenBucket", options: object = {}): Maker =>
  ({ http }, limit, window) => {
    const how =
      kind === "tokenBucket"
        ? Ratelimit.tokenBucket(limit, `${window} ms`, limit)
        : Ratelimit[kind](limit, `${window} ms`);
    const limiter = new Ratelimit({ redis: new UpstashRedis(http), limiter: how, prefix: kind, ...options });
    return async (id, rate = 1) => (await limiter.limit(id, { rate })).success;
  };

const flexible: Maker = ({ tcp }, points, window) => {
  const limiter = new RateLimiterRedis({ storeClient: tcp(), points, duration: window / second });
  return (id, cost) => passed(limiter.consume(id, cost));
};

const express: Maker = async ({ tcp }, limit, windowMs) => {
  const client = tcp();
  const store = new RedisStore({ sendCommand: (name: string, ...args: string[]) => client.call(name, ...args) });
  await store.init({ windowMs });
  return async (id) => (await store.increment(id)).totalHits <= limit;
};

const redisGcra: Maker = ({ tcp }, limit, period) => {
  const limiter = RedisGcra({ redis: tcp(), burst: limit, rate: limit, period });
  return async (key, cost = 1) => !(await limiter.limit({ key, cost })).limited;
};

const everybody: Readonly<Record<string, Maker>> = {
  "redis-patterns, slidingWindow": ours(slidingWindow),
  "redis-patterns, gcra": ours(gcra),
  "redis-patterns, fixedWindow": ours(fixedWindow),
  "@upstash/ratelimit, slidingWindow": upstash("slidingWindow"),
  "@upstash/ratelimit, tokenBucket": upstash("tokenBucket"),
  "@upstash/ratelimit, fixedWindow": upstash("fixedWindow"),
  "rate-limiter-flexible": flexible,
  "rate-limit-redis": express,
  "redis-gcra": redisGcra,
};

const each = (
  run: (make: Maker, bench: Bench) => Promise<Record<string, string>>,
  names: readonly string[] = Object.keys(everybody),
): Readonly<Record<string, Row>> =>
  Object.fromEntries(
    Object.entries(everybody)
      .filter(([name]) => names.includes(name))
      .map(([name, make]) => [name, (bench: Bench) => run(make, bench)]),
  );

export const faults: readonly Fault[] = [
  {
    title: "Quota starved: 10 a second, a steady client asks 20 times a second for 4 seconds",
    rows: each(async (make, bench) => {
      const history = await hammer(await make(bench, 10, second), 4_000, 50);
      return { "allowed of the quota": `${Math.round((history.length / 40) * 100)} %` };
    }),
  },
  {
    title: "Refused calls burn quota: 8 of 10 are used, 5 are refused; 2 should still pass",
    rows: each(
      async (make, bench) => {
        const take = await make(bench, 10, 60 * second);
        await take("u", 8);
        await take("u", 5);
        return { "2 pass": String((await take("u")) && (await take("u"))) };
      },
      Object.keys(everybody).filter((name) => name !== "rate-limit-redis"),
    ),
  },
  {
    title: "Twice the limit: 10 a second; most that passed in any second while bursts come at the worst moment",
    rows: each(async (make, bench) => {
      const take = await make(bench, 10, second);
      // The first call opens a window; the rest of it is used at its end, where the next one is used as well.
      await pause(second - (Date.now() % second) + 5);
      await take("u");
      await pause(900);
      const history = await hammer(take, 1_300, 3);
      return { "most in any second": String(mostInAnyWindow(history, second)) };
    }),
  },
  {
    title: "Clocks: 10 a minute, asked for 15 times each by callers whose clocks differ by 70 seconds",
    rows: each(async (make, bench) => {
      const take = await make(bench, 10, 60 * second);
      const trueNow = Date.now;
      let allowed = 0;
      try {
        for (let i = 0; i < 45; i += 1) {
          Date.now = () => trueNow() + 70 * second * Math.floor(i / 15);
          allowed += (await take("u")) ? 1 : 0;
        }
      } finally {
        Date.now = trueNow;
      }
      return { "allowed, of 10": String(allowed) };
    }),
  },
  {
    title: "Several limits: 100 an hour and 1 an hour, 11 calls; how many of the 100 are gone",
    rows: {
      "redis-patterns, limitAll": async ({ ours }) => {
        const limiterOf = (limit: number) =>
          createLimiter(ours, { prefix: `of ${limit}`, algorithm: fixedWindow({ limit, window: 3_600 * second }) });
        const limits = [100, 1].map((limit) => ({ limiter: limiterOf(limit), id: "u" }));
        for (let i = 0; i < 11; i += 1) await limitAll(limits);
        return { gone: String(100 - ((await limits[0]?.limiter.peek("u"))?.remaining ?? 0)) };
      },
      "rate-limiter-flexible, RateLimiterUnion": async ({ tcp }) => {
        const limiterOf = (points: number) =>
          new RateLimiterRedis({ storeClient: tcp(), points, duration: 3_600, keyPrefix: `of${points}` });
        const [wide, strict] = [limiterOf(100), limiterOf(1)];
        const union = new RateLimiterUnion(wide, strict);
        for (let i = 0; i < 11; i += 1) await passed(union.consume("u"));
        return { gone: String((await wide.get("u")).consumedPoints) };
      },
    },
  },
  {
    title: "A reply is lost on the way: 2 calls of a limit of 10, and what is left",
    rows: {
      "redis-patterns over rest": async ({ oursCut, cut }) => {
        const limiter = createLimiter(oursCut, {
          prefix: "bench",
          algorithm: slidingWindow({ limit: 10, window: 60 * second }),
        });
        await limiter.limit("warm");
        for (let i = 0; i < 2; i += 1) {
          cut.next();
          await limiter.limit("u");
        }
        return { left: String((await limiter.peek("u")).remaining) };
      },
      "@upstash/ratelimit": async ({ cut }) => {
        const limiter = new Ratelimit({
          redis: new UpstashRedis(cut.at),
          limiter: Ratelimit.slidingWindow(10, "60 s"),
        });
        await limiter.limit("warm");
        for (let i = 0; i < 2; i += 1) {
          cut.next();
          await limiter.limit("u");
        }
        return { left: String((await limiter.getRemaining("u")).remaining) };
      },
    },
  },
  {
    title:
      "Nothing listens where Redis should be: what five calls, one after another, answer, and when (given up after 6 s)",
    rows: {
      "redis-patterns, onError allow": async ({ tcp }) => {
        const algorithm = slidingWindow({ limit: 10, window: second });
        const limiter = createLimiter(ioredis(tcp(await freePort())), { prefix: "bench", algorithm });
        return outage(async () => `allowed: ${(await limiter.limit("u")).allowed}`);
      },
      "redis-patterns, onError deny": async ({ tcp }) => {
        const algorithm = slidingWindow({ limit: 10, window: second });
        const limiter = createLimiter(ioredis(tcp(await freePort())), { prefix: "bench", algorithm, onError: "deny" });
        return outage(async () => `allowed: ${(await limiter.limit("u")).allowed}`);
      },
      "@upstash/ratelimit": async () => {
        const redis = new UpstashRedis({ url: `http://127.0.0.1:${await freePort()}`, token: "t" });
        const limiter = new Ratelimit({ redis, limiter: Ratelimit.slidingWindow(10, "1 s") });
        return outage(async () => `allowed: ${(await limiter.limit("u")).success}`);
      },
      "rate-limiter-flexible, insuranceLimiter": async ({ tcp }) => {
        const insuranceLimiter = new RateLimiterMemory({ points: 10, duration: 1 });
        const storeClient = tcp(await freePort());
        const limiter = new RateLimiterRedis({ storeClient, points: 10, duration: 1, insuranceLimiter });
        return outage(async () => `allowed: ${await passed(limiter.consume("u"))}`);
      },
      "redis-gcra": async ({ tcp }) => {
        const limiter = RedisGcra({ redis: tcp(await freePort()), burst: 10, rate: 10, period: second });
        return outage(async () => `allowed: ${!(await limiter.limit({ key: "u" })).limited}`);
      },
    },
  },
];

/** Asks every `every` milliseconds, and gives what passed, by when it was answered. */
async function hammer(take: Take, length: number, every: number): Promise<Passed[]> {
  const history: Passed[] = [];
  const start = performance.now();
  for (let i = 0; i * every < length; i += 1) {
    await pause(Math.max(0, start + i * every - performance.now()));
    if (await take("u")) history.push({ at: performance.now(), cost: 1 });
  }
  return history;
}

/** What the first call answered, and how long each of five took. */
async function outage(call: () => Promise<string>): Promise<Record<string, string>> {
  const times: number[] = [];
  let first = "";
  for (let i = 0; i < 5 && first !== "no answer"; i += 1) {
    const start = performance.now();
    const answer = await Promise.race([call().catch(() => "throws"), pause(6_000).then(() => "no answer")]);
    first ||= answer;
    times.push(Math.round(performance.now() - start));
  }
  return { answer: first, "ms of each call": times.join(", ") };
}

/** A refusal of rate-limiter-flexible is a rejection that is no Error. */
async function passed(consume: Promise<unknown>): Promise<boolean> {
  return consume.then(
    () => true,
    (refusal: unknown) => {
      if (refusal instanceof Error) throw refusal;
      return false;
    },
  );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
