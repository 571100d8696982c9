import type { Breaker } from "../../outage/breaker.ts";
import { ConnectionError } from "../../errors.ts";
import { emit, type OnEvent, type PatternEvent } from "../../event.ts";
import { createInternals } from "../../internals.ts";
import type { Redis, SendOptions } from "../../port/redis.ts";
import { unchecked } from "../../unchecked.ts";
import type { Decoded, EntryFormat, Payload } from "./format/entry.ts";
import type { Times } from "./freshness.ts";
import type { Throttle } from "../../outage/throttle.ts";
import type { LoadWake } from "./wake.ts";

/** What the operations of one cache share, whatever it holds. */
export interface Shared {
  readonly redis: Redis;
  readonly prefix: string;
  readonly format: EntryFormat;
  readonly times: Times;
  readonly timeout: number;
  readonly hardTimeout: number;
  readonly softTimeout: number | undefined;
  readonly waitTimeout: number;
  readonly wake: LoadWake | undefined;
  readonly onEvent: OnEvent | undefined;
  /** Tags that all entries have. */
  readonly standing: readonly string[];
  readonly breaker: Breaker;
  readonly throttle: Throttle;
  readonly failsOpen: boolean;
  /** Whether the next read expects a hit and is a plain GET; else it is the script that answers a miss, too. */
  expectsHit: boolean;
  /** Whether a hit is a plain GET and nothing else. */
  readonly quick: boolean;
  /** Whether round trips cost so much that a read is always that script. */
  readonly scriptFirst: boolean;
  /** Through which changes of entries go where they are also held in memory. */
  readonly changing?: Changing | undefined;
  /** Counts reads and loads, so that "began after" is known without a clock. */
  turn(): number;
}

/** Makes a change of some entries, or without ids of any. */
export type Changing = <R>(ids: readonly string[] | undefined, change: () => Promise<R>) => Promise<R>;

/** What the operations of one cache share. */
export interface Context<T> extends Shared {
  encode(id: string, value: T): Payload | Promise<Payload>;
  /** The value of a payload, or `undefined` if this cache cannot read it. */
  decode(payload: Payload): Decoded<T> | Promise<Decoded<T>>;
}

/** The keys of one entry. */
export function keysOf({ prefix, format }: Shared, id: string) {
  return format.keys(prefix, id);
}

/** How long a lease stands: as long as the load may take and its value may take to be written. */
export function leaseTtl({ hardTimeout, timeout }: Shared): number {
  return hardTimeout + 2 * timeout;
}

/** What the scripts are told: whether the end of a lease is to be published. */
export function wakes({ wake }: Shared): number {
  return wake ? 1 : 0;
}

/** One trip to Redis, within the deadline, and told to the breaker. */
export async function trip<R>(
  { timeout, breaker }: Pick<Shared, "timeout" | "breaker">,
  signal: AbortSignal | undefined,
  work: (options: SendOptions) => Promise<R>,
): Promise<R> {
  try {
    const reply = await work({ signal, timeout, idempotent: true });
    breaker.succeeded();
    return reply;
  } catch (error) {
    if (error instanceof ConnectionError) breaker.failed();
    throw error;
  }
}

/**
 * A failure of Redis that the call survives.
 * @throws The caller's own abort, and with `onUnavailable: "throw"` the failure.
 */
export function giveUp(x: Shared, { id, signal }: Pick<Call, "id" | "signal">, error: unknown): void {
  signal?.throwIfAborted();
  tell(x, "error", id, { error });
  if (!x.failsOpen) throw error;
}

/** What every call has. */
export interface Call {
  readonly id: string;
  readonly tags: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/** Reports what happened to an entry. */
export function tell({ onEvent, prefix }: Shared, type: string, id: string, details?: Details): void {
  if (onEvent) emit(onEvent, { pattern: "cache", type, prefix, id, ...details });
}

type Details = Pick<PatternEvent, "duration" | "error">;

const internals = /* @__PURE__ */ createInternals<Context<unknown>>("`cache` must be what `createCache` returned");

/** What a cache shows of itself, by which the type of its values is known. */
interface Bound<T> {
  peek(id: string): Promise<{ readonly value: T } | null>;
  clear(): Promise<void>;
}

/** Ties a cache to its context. It hangs on a method, so that a copy of the cache has it, too: `{ ...cache, resolve }`. */
export function bindContext<T, C extends Bound<T>>(cache: C, context: Context<T>): C {
  internals.bind(cache.clear, context);
  return cache;
}

/**
 * The context of a cache.
 * @throws {OptionError} It is something else than a cache of `createCache`.
 */
export function contextOf<T>(cache: Bound<T>): Context<T> {
  return unchecked(internals.of(cache?.clear));
}
