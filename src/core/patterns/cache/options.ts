import { createBreaker } from "../../outage/breaker.ts";
import {
  checkFunction,
  checkCount,
  checkDuration,
  checkDurationOrZero,
  checkMethods,
  checkOneOf,
} from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { OnEvent } from "../../event.ts";
import { keyPrefix } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { type CodecOptions, createCodec } from "./format/codec.ts";
import type { Context } from "./context.ts";
import { createTurns } from "./flight.ts";
import type { Times } from "./freshness.ts";
import { type EntryFormat, framed, refuseBeyond } from "./format/entry.ts";
import { everything } from "./tags.ts";
import { createThrottle } from "../../outage/throttle.ts";
import type { LoadWake } from "./wake.ts";

/** Options of a cache. Times are milliseconds. */
export interface CacheOptions<T = unknown> extends CodecOptions<T> {
  /** What every key of this cache begins with. */
  readonly prefix: string;
  /** How long a value is fresh. */
  readonly ttl: number;
  /**
   * How long `null` and `undefined` are fresh. With this option they are never served stale.
   * @default as other values
   */
  readonly negativeTtl?: number | undefined;
  /**
   * How long after its freshness a value is served at once while it is loaded anew in the background (RFC 5861).
   * @default 0
   */
  readonly staleWhileRevalidate?: number | undefined;
  /**
   * How long after that a value is served if its load fails or takes longer than `softTimeout` (RFC 5861).
   * @default 0
   */
  readonly staleIfError?: number | undefined;
  /**
   * How early a value is loaded anew before its end, by chance and in proportion to its load time: the `beta` of XFetch. 1 is right
   * for most, more is earlier.
   * @default 0, never
   */
  readonly earlyRefresh?: number | undefined;
  /**
   * The largest share of the TTL that is cut off at random, so that what was written together does not expire together.
   * @default 0.1
   */
  readonly jitter?: number | undefined;
  /**
   * How long a load may take before a stale value is served instead, where there is one. The load goes on.
   * @default none: the load is waited for
   */
  readonly softTimeout?: number | undefined;
  /**
   * How long a load may take. Then its signal aborts and the call rejects with a `LoadTimeoutError`.
   * @default 30_000
   */
  readonly hardTimeout?: number | undefined;
  /**
   * How long a call waits for another process to load the key before it loads for itself.
   * @default 5_000
   */
  readonly waitTimeout?: number | undefined;
  /**
   * Wakes calls that wait for another process' load: `wakeLoads(subscriber)`.
   * @default none: they ask every 25 to 250 ms
   */
  readonly wake?: LoadWake | undefined;
  /**
   * How long one trip to Redis may take before the call goes on without it.
   * @default 500
   */
  readonly timeout?: number | undefined;
  /**
   * What `getOrSet` and the other reads do when Redis cannot be reached: `load` goes on as if nothing were cached, `throw` rejects.
   * @default "load"
   */
  readonly onUnavailable?: "load" | "throw" | undefined;
  /**
   * How many loads run at once while Redis cannot be reached; more wait for their turn.
   * @default 50
   */
  readonly degradedLoads?: number | undefined;
  /**
   * How many trips in a row must fail before Redis is left alone, and for how long before one call probes it.
   * @default { failures: 3, cooldown: 1_000 }
   */
  readonly breaker?: { readonly failures?: number; readonly cooldown?: number } | undefined;
  /**
   * What a read sends: `get` a plain GET where a hit is likely and the script that also claims the load where not, `script` always
   * the script. Over HTTP, where a trip costs more than a script, `script` saves a trip on each miss.
   * @default "script" if the adapter says that it is `distant`, else "get"
   */
  readonly readBy?: "get" | "script" | undefined;
  /**
   * Whether `clear` can make all entries misses. It costs one more key in each read.
   * @default false
   */
  readonly clearable?: boolean | undefined;
  /**
   * How entries look. `plainJson` is JSON under `prefix:id`, for caches that are shared with other languages.
   * @default an envelope that holds times and tags
   */
  readonly format?: EntryFormat | undefined;
  /**
   * Told of each `hit`, `local-hit` (of `withLocal`), `stale`, `miss`, `load`, `load-error`, `refused` (a late write) and `error` (of
   * Redis).
   */
  readonly onEvent?: OnEvent | undefined;
  /** Told of what went wrong and was survived. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Options of one call. */
export interface CallOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a read. */
export interface GetOptions extends CallOptions {
  /** The tags that the entry has. One that lacks any is a miss. Known tags save a round trip. */
  readonly tags?: readonly string[] | undefined;
}

/** Options of a write. */
export interface SetOptions extends GetOptions {
  /**
   * How long the value is fresh, in milliseconds.
   * @default the cache's `ttl`
   */
  readonly ttl?: number | undefined;
}

/** Options of one `getOrSet`. */
export interface GetOrSetOptions extends SetOptions {
  /**
   * Keeps the runtime alive for what goes on after the answer: `(work) => ctx.waitUntil(work)`.
   * @default none; `resolve` returns it as `pending`
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /**
   * Within what callers of the same key share one load: an object that lives as long as they may wait for each other, such as the
   * `ctx` of a Worker's request. In a Worker a request must not wait for what another one started.
   * @default the process; in a Worker the call alone
   */
  readonly scope?: object | undefined;
}

/** Checks the options and makes of them what the operations share. */
export function createContext<T>(redis: Redis, options: CacheOptions<T>): Context<T> {
  const { softTimeout, clearable = false, degradedLoads = 50, onUnavailable = "load" } = options;
  const { readBy = redis.distant ? "script" : "get" } = options;
  return {
    ...createCodec(options),
    redis,
    prefix: keyPrefix(options.prefix),
    format: formatOf(options),
    times: timesOf(options),
    timeout: checkDuration("timeout", options.timeout ?? 500),
    hardTimeout: checkDuration("hardTimeout", options.hardTimeout ?? 30_000),
    softTimeout: optional("softTimeout", softTimeout),
    waitTimeout: checkDuration("waitTimeout", options.waitTimeout ?? 5_000),
    wake: checkMethods("wake", options.wake, "wakeLoads(subscriber)", "listen"),
    onEvent: listener(options),
    standing: clearable ? [everything] : [],
    breaker: createBreaker(options.breaker),
    throttle: createThrottle(checkCount("degradedLoads", degradedLoads)),
    failsOpen: checkOneOf("onUnavailable", onUnavailable, ["load", "throw"]) === "load",
    expectsHit: false,
    quick: isQuick(options) && readBy === "get",
    scriptFirst: checkOneOf("readBy", readBy, ["get", "script"]) === "script",
    turn: createTurns(),
  };
}

function formatOf<T>(options: CacheOptions<T>): EntryFormat {
  const { format = framed } = options;
  checkMethods("format", format, "plainJson, or be left out", "keys");
  refuseBeyond(format, (name) => Reflect.get(options, name));
  return format;
}

/** Whether a hit needs no more than the string of its key. */
function isQuick<T>({ format, ...options }: CacheOptions<T>): boolean {
  const { clearable, schema, staleWhileRevalidate, staleIfError, earlyRefresh } = options;
  return !format && !clearable && !schema && !staleWhileRevalidate && !staleIfError && !earlyRefresh;
}

function timesOf<T>(options: CacheOptions<T>): Times {
  const { negativeTtl, jitter = 0.1, earlyRefresh = 0, staleWhileRevalidate = 0, staleIfError = 0 } = options;
  return {
    ttl: checkDuration("ttl", options.ttl),
    negativeTtl: optional("negativeTtl", negativeTtl),
    staleWhileRevalidate: checkDurationOrZero("staleWhileRevalidate", staleWhileRevalidate),
    staleIfError: checkDurationOrZero("staleIfError", staleIfError),
    jitter: below(1, "jitter", jitter),
    earlyRefresh: below(100, "earlyRefresh", earlyRefresh),
  };
}

function below(end: number, name: string, value: number): number {
  if (value >= 0 && value < end) return value;
  throw new OptionError(`\`${name}\` must be at least 0 and below ${end}`);
}

function optional(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : checkDuration(name, value);
}

/** Both hooks as one; nothing if there is none, so that events are free. */
function listener<T>({ onEvent, onError }: CacheOptions<T>): OnEvent | undefined {
  if (onEvent) checkFunction("onEvent", onEvent);
  if (!onError) return onEvent;
  checkFunction("onError", onError);
  return (event) => {
    try {
      if (event.type === "error") onError(event.error);
    } finally {
      onEvent?.(event);
    }
  };
}
