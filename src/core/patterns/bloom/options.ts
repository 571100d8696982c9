import type { Lifetime } from "../../time/lifetime.ts";
import type { ChangeOptions } from "../../request.ts";

/** Options of `createBloomFilter`. Either `ttl` or `window` says when items are forgotten. */
export type BloomFilterOptions = LastingFilterOptions | RotatingFilterOptions;

/** Options of a filter that remembers all items until it is used no more. */
export interface LastingFilterOptions extends FilterOptions {
  /**
   * For how long a filter is kept after the last `add`, in milliseconds, or "permanent". Then all of its items are forgotten together.
   */
  readonly ttl: Lifetime;
  readonly window?: undefined;
}

/** Options of a filter that forgets old items. */
export interface RotatingFilterOptions extends FilterOptions {
  /**
   * For how long an item is remembered after it was added the last time, in milliseconds: at least for this long, and at most for twice as
   * long. There are two generations of a filter, and each has room for `capacity` items.
   */
  readonly window: number;
  readonly ttl?: undefined;
}

/** Options that all filters have. */
export interface FilterOptions {
  /** The name of these filters. Their keys begin with `bloom:` and the prefix. */
  readonly prefix: string;
  /**
   * How many different items one filter is to hold. With more of them it errs more often than `errorRate`.
   * @default 1_000_000
   */
  readonly capacity?: number | undefined;
  /**
   * The chance that an item is taken for known though it was never added, in a filter with `capacity` items, from 1e-9 to 0.5.
   * @default 0.01
   */
  readonly errorRate?: number | undefined;
  /**
   * A secret of at least 32 characters, kept outside Redis. Without it, whoever chooses the items can find some that are taken for others.
   * With it, each item takes a SHA-256 more on this side.
   * @default none
   */
  readonly secret?: string | undefined;
  /**
   * For how long a call with a `requestId` is remembered, in milliseconds: a minute or more.
   * @default hours(24)
   */
  readonly requestTtl?: number | undefined;
}

/** Options of a call that only looks. */
export interface LookOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Filters by id. Each knows which items it was given, with little memory and a few errors. */
export interface BloomFilter {
  /**
   * Adds an item.
   * @returns `added` is true if the item was surely new. If it is false, the item was probably added before.
   * @throws {OptionError} The item is empty, or no well-formed text.
   * @throws {BloomFilterMismatchError} The filter was made with other options. Nothing was changed.
   */
  add(id: string, item: string, options?: ChangeOptions): Promise<{ readonly added: boolean }>;
  /**
   * Tells whether an item may have been added. False is certain. True is wrong for a share of `errorRate` of the items that were never added.
   * @throws {OptionError} The item is empty, or no well-formed text.
   * @throws {BloomFilterMismatchError} The filter was made with other options.
   */
  mightContain(id: string, item: string, options?: LookOptions): Promise<boolean>;
  /** Forgets all items of one filter. */
  clear(id: string, options?: ChangeOptions): Promise<void>;
}
