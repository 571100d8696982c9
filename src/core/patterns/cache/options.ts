import type { OnEvent } from "../../event.ts";
import type { CodecOptions } from "./format/codec.ts";
import type { Wake } from "../../wait/wake.ts";
import type { EntryFormat } from "./format/entry.ts";

/** Options of a cache. All times are in milliseconds. */
export interface CacheOptions<T = unknown> extends CodecOptions<T> {
  /** The name of this cache in its keys: `cache:prefix:{id}`. */
  readonly prefix: string;
  /** The time for which a value is fresh. */
  readonly ttl: number;
  /**
   * The time for which `null` and `undefined` are fresh. With this option they are never served stale.
   * @default `ttl`
   */
  readonly negativeTtl?: number | undefined;
  /**
   * The time after its freshness in which a value is still served at once, while it is loaded anew in the background (RFC 5861).
   * @default 0
   */
  readonly staleWhileRevalidate?: number | undefined;
  /**
   * The time after that in which a value is still served if its load fails or takes longer than `softTimeout` (RFC 5861).
   * @default 0
   */
  readonly staleIfError?: number | undefined;
  /**
   * Loads a value anew before it ends, earlier by chance and in proportion to its load time: the `beta` of XFetch (Vattani, Chierichetti,
   * Lowenstein, VLDB 2015). 1 suits most caches; a larger number is earlier.
   * @default 0, never
   */
  readonly earlyRefresh?: number | undefined;
  /**
   * The largest share of the TTL that is cut off at random, so that what was written together does not expire together.
   * @default 0.1
   */
  readonly jitter?: number | undefined;
  /**
   * The longest time of a load before a stale value is served instead, where there is one. The load goes on.
   * @default none: the load is waited for
   */
  readonly softTimeout?: number | undefined;
  /**
   * The longest time of a load. Then its signal aborts and the call rejects with a `LoadTimeoutError`.
   * @default 30_000
   */
  readonly hardTimeout?: number | undefined;
  /**
   * The time for which a call waits for another process to load the key before it loads for itself.
   * @default 5_000
   */
  readonly waitTimeout?: number | undefined;
  /**
   * Wakes calls that wait for another process' load: `wakeBySubscriber(subscriber)`.
   * @default none: such calls ask Redis every 25 to 250 ms
   */
  readonly wake?: Wake | undefined;
  /**
   * The longest time of one trip to Redis before the call goes on without it.
   * @default 500
   */
  readonly timeout?: number | undefined;
  /**
   * The behaviour of `getOrSet` and of all reads while Redis cannot be reached: `load` goes on as if nothing were cached, `throw`
   * rejects.
   * @default "load"
   */
  readonly onUnavailable?: "load" | "throw" | undefined;
  /**
   * The number of loads that run at once while Redis cannot be reached; others wait for their turn.
   * @default 50
   */
  readonly degradedLoads?: number | undefined;
  /**
   * After `failures` failed trips in a row Redis is left alone for `cooldown` milliseconds; then one call probes it.
   * @default { failures: 3, cooldown: 1_000 }
   */
  readonly breaker?: { readonly failures?: number; readonly cooldown?: number } | undefined;
  /**
   * The command of a read. `get`: a plain GET where a hit is likely, else the script that also claims the load. `script`: always the
   * script. Over HTTP, where a trip costs more than a script, `script` saves a trip on each miss.
   * @default "script" if the adapter says that it is `distant`, else "get"
   */
  readonly readBy?: "get" | "script" | undefined;
  /**
   * Allows `clear`, which makes all entries misses. It costs one more key in each read.
   * @default false
   */
  readonly clearable?: boolean | undefined;
  /**
   * The form of entries in Redis. `plainJson` is JSON under `prefix:id`, for caches that are shared with other languages.
   * @default an envelope that holds times and tags
   */
  readonly format?: EntryFormat | undefined;
  /**
   * Called on each `hit`, `local-hit` (of `withLocal`), `stale`, `miss`, `load`, `load-error`, `refused` (a late write), `not-kept` (a load
   * beside others) and `error` (of Redis, of a hook, or of a value that could not be kept).
   * @default none
   */
  readonly onEvent?: OnEvent | undefined;
  /**
   * Called on each failure that a call survived.
   * @default none
   */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Options of one call. */
export interface CallOptions {
  /**
   * Ends the wait; the call then rejects with the signal's reason.
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a read. */
export interface GetOptions extends CallOptions {
  /**
   * The tags of the entry. An entry that lacks one of them is a miss. A read that names the tags saves a round trip.
   * @default none
   */
  readonly tags?: readonly string[] | undefined;
}

/** Options of a write. */
export interface SetOptions extends GetOptions {
  /**
   * The time for which the value is fresh, in milliseconds.
   * @default the cache's `ttl`
   */
  readonly ttl?: number | undefined;
}

/** Options of one `getOrSet`. */
export interface GetOrSetOptions extends SetOptions {
  /**
   * Keeps the runtime alive for the work that goes on after the answer: `(work) => ctx.waitUntil(work)`.
   * @default none; `resolve` returns it as `pending`
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /**
   * The scope in which callers of a key share one load in memory: an object that lives as long as they may wait for each other, such as
   * the `ctx` of a Worker's request. In a Worker a request must not wait for the work of another one.
   * @default the process; in a Worker the call alone
   */
  readonly scope?: object | undefined;
}
