import type { Codec } from "../../data/codec.ts";
import { checkCount, checkDuration, checkFunction, checkMethods, checkOneOf } from "../../check.ts";
import { emit, type OnEvent, type PatternEvent } from "../../event.ts";
import { failureOf } from "../../failure.ts";
import { bindInside, createInternals, insideOf } from "../../internals.ts";
import { namespaceOf } from "../../keys.ts";
import { type Breaker, createBreaker, trip as makeTrip } from "../../outage/breaker.ts";
import { createThrottle, type Throttle } from "../../outage/throttle.ts";
import type { Redis, SendOptions } from "../../port/redis.ts";
import { unchecked } from "../../unchecked.ts";
import { createTurns } from "./flight.ts";
import { type Decoded, type EntryFormat, envelope, type Payload, refuseUnsupported } from "./format/entry.ts";
import type { CacheNames, EntryKeys } from "./format/keys.ts";
import { createPayloads } from "./format/payload.ts";
import { checkTimes, type Times } from "./freshness.ts";
import type { CacheOptions } from "./options.ts";
import type { Wake } from "../../wait/wake.ts";
import { clearTag } from "./tags.ts";

/** The state that all operations of one cache share. `T` is the type of its values; most operations do not need to know it. */
export interface CacheContext<T = unknown> extends CacheNames {
  readonly redis: Redis;
  readonly format: EntryFormat;
  readonly times: Times;
  readonly timeout: number;
  readonly hardTimeout: number;
  readonly softTimeout: number | undefined;
  readonly waitTimeout: number;
  readonly wake: Wake | undefined;
  readonly onEvent: OnEvent | undefined;
  /** Tags that all entries have. */
  readonly commonTags: readonly string[];
  readonly breaker: Breaker;
  readonly throttle: Throttle;
  /** Whether reads go on without Redis where it is not reached. */
  readonly failsOpen: boolean;
  /** Whether the next read expects a hit and is a plain GET; else it is the script that answers a miss, too. */
  expectsHit: boolean;
  /** Whether a hit can be a plain GET and nothing else. */
  readonly hasFastPath: boolean;
  /** Whether a read is always that script, since round trips cost so much. */
  readonly readsByScript: boolean;
  /** Where entries are also held in memory: each change of them goes through here. */
  readonly onChange?: OnChange | undefined;
  /** Counts reads and loads, so that "began after" is known without a clock. */
  nextTurn(): number;
  /** Makes copies of values that JSON does not carry; none where a schema may have made more of them. */
  readonly copier: Codec | undefined;
  /** Creates what makes copies of a value, so that callers who share a load do not share an object. */
  copies(value: T): () => T;
  /** @throws What the codec, compression or overflow of the user throws; the signal's reason; or a hook took longer than `timeout`. */
  encode(id: string, value: T, signal?: AbortSignal): Promise<Payload>;
  /**
   * The value of a payload, or `undefined` if it is not one that this cache can read.
   * @throws What the codec, compression, overflow or schema of the user throws; the signal's reason; or a hook took longer than `timeout`.
   */
  decode(payload: Payload, signal: AbortSignal | undefined): Promise<Decoded<T>>;
}

/** Makes a change of the entries with these ids; without ids, of any. */
export type OnChange = <R>(ids: readonly string[] | undefined, change: () => Promise<R>) => Promise<R>;

/**
 * Creates the context of a cache.
 * @throws {OptionError} An option can never work.
 */
export function createContext<T>(redis: Redis, options: CacheOptions<T>): CacheContext<T> {
  const { softTimeout, clearable = false, degradedLoads = 50, onUnavailable = "load" } = options;
  const { readBy = redis.distant ? "script" : "get", timeout = 500 } = options;
  const { hardTimeout = 30_000, waitTimeout = 5_000 } = options;
  return {
    redis,
    prefix: options.prefix,
    namespace: namespaceOf("cache", options.prefix),
    format: checkFormat(options),
    times: checkTimes(options),
    timeout: checkDuration("timeout", timeout),
    hardTimeout: checkDuration("hardTimeout", hardTimeout),
    softTimeout: softTimeout === undefined ? undefined : checkDuration("softTimeout", softTimeout),
    waitTimeout: checkDuration("waitTimeout", waitTimeout),
    wake: checkMethods("wake", options.wake, "wakeBySubscriber(subscriber)", "listen"),
    onEvent: mergeHooks(options),
    commonTags: clearable ? [clearTag] : [],
    breaker: createBreaker(options.breaker),
    throttle: createThrottle(checkCount("degradedLoads", degradedLoads)),
    failsOpen: checkOneOf("onUnavailable", onUnavailable, ["load", "throw"]) === "load",
    expectsHit: false,
    hasFastPath: canUseFastPath(options) && readBy === "get",
    readsByScript: checkOneOf("readBy", readBy, ["get", "script"]) === "script",
    nextTurn: createTurns(),
    ...createPayloads(options, timeout),
  };
}

function checkFormat<T>(options: CacheOptions<T>): EntryFormat {
  const { format = envelope } = options;
  checkMethods("format", format, "plainJson, or be left out", "keys");
  refuseUnsupported(format, (name) => Reflect.get(options, name));
  return format;
}

/** Whether the string of a key is enough to know a hit. */
function canUseFastPath<T>({ format, ...options }: CacheOptions<T>): boolean {
  const { clearable, schema, staleWhileRevalidate, staleIfError, earlyRefresh } = options;
  return !format && !clearable && !schema && !staleWhileRevalidate && !staleIfError && !earlyRefresh;
}

/** Makes one hook of both; none if there is none, so that events cost nothing. */
function mergeHooks<T>({ onEvent, onError }: CacheOptions<T>): OnEvent | undefined {
  if (onEvent !== undefined) checkFunction("onEvent", onEvent);
  if (onError === undefined) return onEvent;
  checkFunction("onError", onError);
  const hook: OnEvent = ({ type, error }) => (type === "error" ? onError(error) : undefined);
  return (event) => {
    emit(hook, event);
    emit(onEvent, event);
  };
}

/** The keys of one entry: its value, the lease of its load, and the tokens of calls that gave up. They share a Cluster slot. */
export function keysOf(context: CacheContext, id: string): EntryKeys & { readonly gone: string } {
  const { entry, lease } = context.format.keys(context, id);
  return { entry, lease, gone: `${lease}:gone` };
}

/** The argument of scripts that end a lease: 1 if that is to be published. */
export function wakeArg({ wake }: CacheContext): number {
  return wake ? 1 : 0;
}

/** Makes one trip to Redis within the deadline, and lets the breaker know its outcome. */
export function trip<R>(
  { timeout, breaker }: Pick<CacheContext, "timeout" | "breaker">,
  signal: AbortSignal | undefined,
  work: (options: SendOptions) => Promise<R>,
): Promise<R> {
  return makeTrip(breaker, signal, () => work({ signal, timeout, idempotent: true }));
}

/** The call whose trip failed. */
interface FailedCall {
  readonly id: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reports a failure of Redis that the call survives.
 * @throws The caller's own abort, a mistake, and with `onUnavailable: "throw"` every failure.
 */
export function failOpen(context: CacheContext, { id, signal }: FailedCall, error: unknown): void {
  signal?.throwIfAborted();
  report(context, "error", id, { error });
  if (!context.failsOpen || failureOf(error) === "mistake") throw error;
}

/** Reports what happened to an entry. */
export function report({ onEvent, prefix }: CacheContext, type: string, id: string, details?: Details): void {
  if (onEvent) emit(onEvent, { pattern: "cache", type, prefix, id, ...details });
}

type Details = Pick<PatternEvent, "duration" | "error">;

const contexts = /* @__PURE__ */ createInternals<CacheContext>("cache");

/** The methods of a cache that lead to its context: one to find it by, and one for the type of its values. */
interface BoundCache<T> {
  clear(): Promise<void>;
  peek(id: string): Promise<{ readonly value: T } | null>;
}

/** Ties a cache to its context. It hangs on a method, so that a copy of the cache has it, too: `{ ...cache, resolve }`. */
export function bindContext<T, C extends BoundCache<T>>(cache: C, context: CacheContext<T>): C {
  bindInside(contexts, cache.clear, context);
  return cache;
}

/**
 * The context of a cache.
 * @throws {OptionError} It is something else than a cache of `createCache`.
 */
export function contextOf<T>(cache: BoundCache<T>): CacheContext<T> {
  return unchecked(insideOf(contexts, cache?.clear, "`cache` must be what `createCache` returned"));
}
