import { createCache, hours, minutes, seconds } from "redis-patterns";
import { createLimiter, type Limiter, slidingWindow } from "redis-patterns/limiter";
import { createLock, type Locks } from "redis-patterns/lock";
import { type Channels, createChannels, resumable } from "redis-patterns/pubsub";
import { restFromEnv, restSubscriber } from "redis-patterns/rest";
import { createSessions, type Sessions } from "redis-patterns/session";
import { loadQuote, type Quote } from "./quotes.ts";
import type { Line } from "./rooms.ts";

/** What a signed-in visitor carries along. */
export interface Visit {
  readonly currency: string;
}

/** What the routes of one request work with. */
export interface Services {
  readonly request: Request;
  readonly limiter: Limiter;
  readonly locks: Locks;
  readonly sessions: Sessions<Visit>;
  readonly rooms: Channels<Line>;
  quoteOf(product: string): Promise<Quote>;
  /** Lets work go on after the response. */
  afterwards(work: Promise<unknown>): void;
}

/** Creating them is free, so each request has its own and nothing is shared between requests, as Workers demand. */
export function servicesFor(request: Request, env: Env, ctx: ExecutionContext): Services {
  const redis = restFromEnv(env);
  const quotes = createCache<Quote>(redis, { prefix: "shop:quote", ttl: minutes(1) });
  return {
    request,
    limiter: createLimiter(redis, {
      prefix: "shop:limit",
      algorithm: slidingWindow({ limit: 10, window: seconds(60) }),
    }),
    locks: createLock(redis, { prefix: "shop:lock", ttl: seconds(10) }),
    sessions: createSessions<Visit>(redis, { prefix: "shop:session", idle: minutes(30), absolute: hours(12) }),
    rooms: createChannels<Line>(redis, {
      prefix: "shop:room",
      subscriber: restSubscriber({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN }),
      delivery: resumable({ keep: { age: hours(1), length: 200 } }),
    }),
    quoteOf: (product) => quotes.getOrSet(product, ({ signal }) => loadQuote(product, signal), { scope: ctx }),
    afterwards: (work) => ctx.waitUntil(work),
  };
}
