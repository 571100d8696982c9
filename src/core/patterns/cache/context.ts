import type { Breaker } from "../../outage/breaker.ts";
import { ConnectionError, OptionError } from "../../errors.ts";
import { emit, type OnEvent, type PatternEvent } from "../../event.ts";
import type { Redis, SendOptions } from "../../port/redis.ts";
import type { EntryFormat, Payload } from "./format/entry.ts";
import type { Flight } from "./flight.ts";
import type { Times } from "./freshness.ts";
import type { Throttle } from "../../outage/throttle.ts";
import type { LoadWake } from "./wake.ts";

/** Where a value came from: an entry that is fresh, an entry that is not, or the loader. */
export type Source = "hit" | "stale" | "load";

/** A value and how it was come by. */
export interface Answer<T> {
  readonly value: T;
  readonly source: Source;
  /** Whether Redis or the loader failed on the way, so that the value is the best there was. */
  readonly degraded: boolean;
}

/** An answer that knows its place among the calls of this process. */
export interface Dated<T> extends Answer<T> {
  readonly asOf: number;
}

/** The flights of one scope, by id. */
export type Flights<T> = Map<string, Flight<Dated<T> | undefined>>;

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
  readonly flights: Flights<T>;
  encode(id: string, value: T): Payload | Promise<Payload>;
  /** The value of a payload, or `undefined` if this cache cannot read it. */
  decode(payload: Payload): Decoded<T> | Promise<Decoded<T>>;
}

/** A value, boxed, since `undefined` is one. */
export type Decoded<T> = { readonly value: T } | undefined;

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

/** Under what a cache keeps its context, for the functions that take a cache. */
export const internals: unique symbol = Symbol("redis-patterns:cache");

/** What has a context. */
export interface HasContext<T> {
  /** @internal */
  readonly [internals]: Context<T>;
}

/**
 * The context of a cache.
 * @throws {OptionError} It is something else than a cache of `createCache`.
 */
export function contextOf<T>(cache: HasContext<T>): Context<T> {
  const x = cache?.[internals];
  if (x) return x;
  throw new OptionError("`cache` must be what `createCache` returned");
}

/** Whether this runs where one request must not wait for another's I/O: workerd, and what is built like it. */
export function isolated(): boolean {
  return "WebSocketPair" in globalThis || "EdgeRuntime" in globalThis;
}
