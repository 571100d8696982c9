import type { Breaker } from "../breaker.ts";
import { withDeadline } from "../deadline.ts";
import { ConnectionError } from "../errors.ts";
import { emit, type OnEvent, type PatternEvent } from "../event.ts";
import { keyOf } from "../keys.ts";
import type { Redis, SendOptions } from "../redis.ts";
import type { Payload } from "./entry.ts";
import type { Flight } from "./flight.ts";

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
export type Flights<T> = Map<string, Flight<Dated<T>>>;

/** What the operations of one cache share. */
export interface Context<T> {
  readonly redis: Redis;
  readonly prefix: string;
  readonly ttl: number;
  readonly timeout: number;
  readonly hardTimeout: number;
  readonly waitTimeout: number;
  readonly jitter: number;
  readonly onEvent: OnEvent | undefined;
  readonly breaker: Breaker;
  readonly flights: Flights<T>;
  /** Whether the next read expects a hit and is a plain GET; else it is the script that answers a miss, too. */
  expectsHit: boolean;
  /** Counts reads and loads, so that "began after" is known without a clock. */
  turn(): number;
  encode(value: T): Payload;
  /** The value of a payload, or `undefined` if this cache cannot read it. */
  decode(payload: Payload): { readonly value: T } | undefined;
}

/** The keys of one entry. */
export function keysOf({ prefix }: Pick<Context<never>, "prefix">, id: string) {
  return { entry: keyOf(prefix, id), lease: keyOf(prefix, id, "lease") };
}

/** One trip to Redis, within the deadline, and told to the breaker. */
export async function trip<R>(
  { timeout, breaker }: Pick<Context<never>, "timeout" | "breaker">,
  signal: AbortSignal | undefined,
  work: (options: SendOptions) => Promise<R>,
): Promise<R> {
  try {
    const reply = await withDeadline(timeout, signal, (signal) => work({ signal, idempotent: true }));
    breaker.succeeded();
    return reply;
  } catch (error) {
    if (error instanceof ConnectionError) breaker.failed();
    throw error;
  }
}

/** Reports what happened to an entry. */
export function tell<T>(
  { onEvent, prefix }: Context<T>,
  type: string,
  id: string,
  details?: Pick<PatternEvent, "duration" | "error">,
): void {
  if (onEvent) emit(onEvent, { pattern: "cache", type, prefix, id, ...details });
}
