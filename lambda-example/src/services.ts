import { createCache, hours, minutes, seconds } from "redis-patterns";
import { createLimiter, slidingWindow } from "redis-patterns/limiter";
import { createLock } from "redis-patterns/lock";
import { createSessionCookies, createSessions } from "redis-patterns/session";
import type { Quote } from "./quotes.ts";
import { redis } from "./redis.ts";

/** What a signed-in visitor carries along. */
export interface Visit {
  readonly currency: string;
}

export const quotes = createCache<Quote>(redis, { prefix: "shop:quote", ttl: minutes(1) });

export const limiter = createLimiter(redis, {
  prefix: "shop:limit",
  algorithm: slidingWindow({ limit: 10, window: seconds(60) }),
});

export const locks = createLock(redis, { prefix: "shop:lock", ttl: seconds(10) });

const sessions = createSessions<Visit>(redis, {
  prefix: "shop:session",
  idle: minutes(30),
  absolute: hours(12),
});

export const visitors = createSessionCookies(sessions);
