// What an application names in its first week. The rest of each pattern is exported by its own entry, such as `redis-patterns/cache`.

// The connection.
export type { BreakerOptions } from "./core/outage/breaker.ts";
export { observe } from "./core/port/observe.ts";
export type { WireEvent } from "./core/port/observe.ts";
export { ping } from "./core/port/ping.ts";
export type { Ping, PingFailure, PingOptions, PingSuccess } from "./core/port/ping.ts";
export type { PingReason } from "./core/port/diagnosis.ts";
export type { Arg, Command, Redis, Reply, SendOptions } from "./core/port/redis.ts";
export type { Listener, SubscribeOptions, Subscriber, Unsubscribe } from "./core/port/subscriber.ts";

// What all patterns share.
export * from "./core/errors.ts";
export type { OnEvent, PatternEvent } from "./core/event.ts";
export { days, hours, minutes, seconds } from "./core/time/duration.ts";

// Cache.
export { createCache } from "./core/patterns/cache/index.ts";
export { LoadFailedError, LoadTimeoutError, StaleCacheError } from "./core/patterns/cache/index.ts";
export type {
  Cache,
  CacheOptions,
  CacheSource,
  CallOptions,
  GetOptions,
  GetOrSetOptions,
  Load,
  Resolved,
  SetOptions,
} from "./core/patterns/cache/index.ts";

// Rate limiter.
export {
  createLimiter,
  fixedWindow,
  gcra,
  slidingLog,
  slidingWindow,
  tokenBucket,
} from "./core/patterns/limiter/index.ts";
export { clientIp, toHeaders, toResponse } from "./core/patterns/limiter/index.ts";
export type { LimitAlgorithm, Limiter, LimiterOptions, LimitOptions, Verdict } from "./core/patterns/limiter/index.ts";

// Lock.
export { createLock, createSemaphore, wakeBySubscriber, watchdog } from "./core/patterns/lock/index.ts";
export { LockBusyError, LockLostError } from "./core/patterns/lock/index.ts";
export type {
  AcquireOptions,
  Lease,
  LockOptions,
  Locks,
  SemaphoreOptions,
  TryOptions,
  Watchdog,
} from "./core/patterns/lock/index.ts";

// Session.
export { createSessionCookies, createSessions, loginSession } from "./core/patterns/session/index.ts";
export {
  ReauthenticationError,
  SessionConflictError,
  SessionDataError,
  SessionGoneError,
  SessionLimitError,
  SessionTooLargeError,
} from "./core/patterns/session/index.ts";
export type {
  NewSession,
  Session,
  SessionCookies,
  SessionOptions,
  SessionPatch,
  Sessions,
} from "./core/patterns/session/index.ts";

// Idempotent calls.
export { createIdempotency } from "./core/patterns/idempotency/index.ts";
export {
  IdempotencyBusyError,
  IdempotencyConflictError,
  IdempotencyNotStoredError,
  IdempotencyOutcomeLostError,
  IdempotentFailureError,
} from "./core/patterns/idempotency/index.ts";
export type {
  Idempotent,
  IdempotencyOptions,
  IdempotentOptions,
  IdempotentRun,
} from "./core/patterns/idempotency/index.ts";

// One-time tokens.
export { createTokens } from "./core/patterns/token/index.ts";
export type { TokenOptions, Tokens } from "./core/patterns/token/index.ts";
