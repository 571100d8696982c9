import { expect, it } from "vitest";
import { createCache, getOrSetMany } from "../../src/core/patterns/cache/index.ts";
import { createIdempotency } from "../../src/core/patterns/idempotency/index.ts";
import { createLeaderboard } from "../../src/core/patterns/leaderboard/index.ts";
import { createLimiter, fixedWindow, waitTurn } from "../../src/core/patterns/limiter/index.ts";
import { createLock, createSemaphore } from "../../src/core/patterns/lock/index.ts";
import { createSessions } from "../../src/core/patterns/session/index.ts";
import { createTokens } from "../../src/core/patterns/token/index.ts";
import { createUniques, exact } from "../../src/core/patterns/uniques/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { onEveryBackend } from "../support/backends.ts";

/** The listeners that Node allows before it warns of a leak. */
const most = 10;
const calls = 20;
const ttl = 60_000;
/** No busy machine makes Redis look down. */
const timeout = 15_000;

type Call = (redis: Redis, prefix: string, signal: AbortSignal, i: number) => Promise<unknown>;

const patterns: Readonly<Record<string, Call>> = {
  "the port": (redis, prefix, signal) => redis.send(["EXISTS", `own:${prefix}:{x}`], { signal }),
  "a cache": (redis, prefix, signal, i) =>
    createCache<string>(redis, { prefix, ttl, timeout }).getOrSet(String(i % 5), async () => "v", { signal }),
  "a cache of many": (redis, prefix, signal) =>
    getOrSetMany(createCache<string>(redis, { prefix, ttl, timeout }), ["1", "2"], async () => new Map([["1", "v"]]), {
      signal,
    }),
  "a limiter": (redis, prefix, signal) =>
    createLimiter(redis, { prefix, algorithm: fixedWindow({ limit: 5, window: ttl }), timeout }).limit("a", { signal }),
  "a turn that is waited for": (redis, prefix, signal) =>
    waitTurn(createLimiter(redis, { prefix, algorithm: fixedWindow({ limit: 1_000, window: ttl }), timeout }), "a", {
      maxWait: 15_000,
      signal,
    }),
  "a lock that is waited for": (redis, prefix, signal) =>
    createLock(redis, { prefix, ttl, wait: 18_000 }).run("a", async () => {}, { signal }),
  "a semaphore": (redis, prefix, signal) =>
    createSemaphore(redis, { prefix, ttl, limit: 100 }).run("a", async () => {}, { signal }),
  "a session": (redis, prefix, signal, i) =>
    createSessions(redis, { prefix, idle: ttl, absolute: ttl }).create({ user: String(i), data: {}, signal }),
  idempotency: (redis, prefix, signal, i) =>
    createIdempotency(redis, { prefix, ttl })(String(i % 5), async () => "done", { signal }),
  "a leaderboard": (redis, prefix, signal, i) =>
    createLeaderboard(redis, { prefix }).increment("a", String(i), 1, { signal }),
  "a token": (redis, prefix, signal) => createTokens(redis, { prefix, ttl }).issue({ user: "a", purpose: "b", signal }),
  uniques: (redis, prefix, signal, i) =>
    createUniques(redis, { prefix, ttl, count: exact() }).add("a", String(i), { signal }),
};

onEveryBackend("twenty calls on one signal", (backend) => {
  // Each client listens in its own way, and the patterns listen in one.
  const rows = Object.entries(patterns);
  it.each([...rows.slice(0, 1), ...backend.share(rows.slice(1))])(
    "have few listeners on it, and none when they end: %s",
    async (_, call) => {
      const redis = await backend.connect();
      const { signal } = new AbortController();
      const watched = watchListeners(signal);
      await Promise.all(Array.from({ length: calls }, (_, i) => call(redis, `${backend.prefix}:signal`, signal, i)));
      expect(watched.most).toBeLessThanOrEqual(most);
      expect(watched.now).toBe(0);
    },
  );
});

/** Counts the listeners of a signal by the names under which they come and go. */
function watchListeners(signal: AbortSignal): { now: number; most: number } {
  const watched = { now: 0, most: 0 };
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    watched.now += 1;
    watched.most = Math.max(watched.most, watched.now);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    watched.now -= 1;
    remove(...args);
  };
  return watched;
}
