import { createCache } from "../../core/patterns/cache/index.ts";
import { createIdempotency } from "../../core/patterns/idempotency/index.ts";
import {
  acquirePermit,
  concurrency,
  createLimiter,
  fixedWindow,
  gcra,
  type LimitAlgorithm,
  slidingLog,
  slidingWindow,
} from "../../core/patterns/limiter/index.ts";
import {
  createElection,
  createFenceGuard,
  createLock,
  createReadWriteLock,
  createSemaphore,
  firstComeFirstServed,
} from "../../core/patterns/lock/index.ts";
import { createSessions, listSessions } from "../../core/patterns/session/index.ts";
import { createTokens } from "../../core/patterns/token/index.ts";
import { messageTrials } from "./message-trials.ts";
import { structureTrials } from "./structure-trials.ts";
import { expectTrue, id, type Trial, ttl } from "./trial.ts";

const timeout = 5_000;

/** An outage is what a trial is to find, so no policy decides in its place. */
function rethrow({ error }: { readonly error: unknown }): never {
  throw error;
}

function limiterOf(algorithm: LimitAlgorithm): Trial {
  return async (redis, prefix) => {
    const limiter = createLimiter(redis, { prefix, algorithm, onError: rethrow, timeout });
    expectTrue((await limiter.limit(id)).allowed, "The first call was not allowed");
    await limiter.reset(id);
  };
}

/** Every pattern by its name in the table. */
export const trials: readonly (readonly [name: string, trial: Trial])[] = [
  [
    "cache",
    async (redis, prefix) => {
      const cache = createCache<string>(redis, { prefix, ttl });
      await cache.set(id, "value", { tags: [id] });
      expectTrue((await cache.getOrSet(id, () => "loaded")) === "value", "What was stored was not found");
      await cache.invalidateTags([id]);
      await cache.delete(id);
    },
  ],
  ["limiter, fixed window", limiterOf(fixedWindow({ limit: 5, window: ttl }))],
  ["limiter, sliding window", limiterOf(slidingWindow({ limit: 5, window: ttl }))],
  ["limiter, sliding log", limiterOf(slidingLog({ limit: 5, window: ttl }))],
  ["limiter, token bucket", limiterOf(gcra({ limit: 5, window: ttl }))],
  [
    "limiter, concurrency",
    async (redis, prefix) => {
      const algorithm = concurrency({ limit: 5, lease: ttl });
      await (await acquirePermit(createLimiter(redis, { prefix, algorithm, onError: rethrow, timeout }), id)).release();
    },
  ],
  [
    "lock",
    async (redis, prefix) => {
      const lease = await createLock(redis, { prefix, ttl }).acquire(id);
      await lease.extend();
      expectTrue(await lease.release(), "The lease was lost");
    },
  ],
  [
    "lock, in order of arrival",
    (redis, prefix) => createLock(redis, { prefix, ttl, order: firstComeFirstServed() }).run(id, () => {}),
  ],
  ["semaphore", (redis, prefix) => createSemaphore(redis, { prefix, ttl, limit: 2 }).run(id, () => {})],
  [
    "read-write lock",
    async (redis, prefix) => {
      const { read, write } = createReadWriteLock(redis, { prefix, ttl });
      await read.run(id, () => {});
      await write.run(id, () => {});
    },
  ],
  ["fence guard", (redis, prefix) => createFenceGuard(redis, { prefix, ttl }).admit(id, "1")],
  [
    "election",
    async (redis, prefix) => {
      const resign = new AbortController();
      const resigned = new Error("resigned");
      const election = createElection(redis, { prefix, name: id, ttl });
      await election
        .campaign(() => resign.abort(resigned), { signal: resign.signal })
        .catch((error: unknown) => {
          if (error !== resigned) throw error;
        });
    },
  ],
  [
    "session",
    async (redis, prefix) => {
      const sessions = createSessions<{ seen?: string }>(redis, { prefix, idle: ttl, absolute: ttl });
      const session = await sessions.create({ user: id, data: {} });
      await session.set({ seen: "yes" });
      expectTrue((await listSessions(sessions, id)).length === 1, "The session was not found");
      await sessions.revokeAll(id);
      await session.destroy();
    },
  ],
  ["idempotency", (redis, prefix) => createIdempotency(redis, { prefix, ttl, lease: 10_000 })(id, async () => "done")],
  [
    "one-time token",
    async (redis, prefix) => {
      const tokens = createTokens(redis, { prefix, ttl });
      const { token } = await tokens.issue({ user: id, purpose: id });
      expectTrue((await tokens.consume(token, { purpose: id })) !== null, "The token was not found");
      await tokens.issueCode({ user: id, purpose: id });
      await tokens.revokeAll(id);
    },
  ],
  ...structureTrials,
  ...messageTrials,
];
